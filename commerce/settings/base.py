"""What every environment shares. Values that differ come from the environment, by name."""

from pathlib import Path
from typing import Any

import dj_database_url
from oscar.defaults import *  # noqa: F403  Oscar reads its defaults from the settings module

from commerce.settings.environment import env_list, env_value

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env_value("SECRET_KEY")
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS", [])
SEALING_KEYS = env_list("SEALING_KEYS", [])
"""What seals others' secrets in the database: the first seals, all open. None: the keys above."""
DEBUG = False
PUBLIC_URL = env_value("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "commerce.apps.Wiring",
    "commerce.events.apps.EventsConfig",
    "commerce.web.apps.WebConfig",
    "commerce.accounts.apps.AccountsConfig",
    "commerce.notifications.apps.NotificationsConfig",
    "commerce.payments.apps.PaymentsConfig",
    "catalogue.apps.OfferingConfig",
    "promotions.apps.PromotionsConfig",
    "subscriptions.apps.SubscriptionsConfig",
    "commerce.ordering.apps.OrderingConfig",
    "orchestration.apps.OrchestrationConfig",
    "frontend.apps.FrontendConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "django.contrib.postgres",
    "django.forms",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "django_tables2",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "django_htmx",
    "csp",
    "axes",
]
SITE_ID = 1

MIDDLEWARE = [
    "commerce.web.middleware.trace_request",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "commerce.web.middleware.business_time",
    "commerce.accounts.context.remember_visitor",
    "commerce.web.middleware.ClosedByDefault",
    "frontend.middleware.RefusalsAsPages",
    "frontend.preview.PreviewsOfDrafts",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "commerce.urls"
WSGI_APPLICATION = "commerce.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "frontend.context.shop",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {
    "default": dj_database_url.parse(
        env_value("DATABASE_URL"), conn_max_age=600, conn_health_checks=True
    )
}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_value("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "commerce.web.errors.csrf_failed"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/account/"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 1
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# Django calls the credential `username` though our users have an e-mail.
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "commerce.accounts.throttling.attempted_name"
AXES_RESET_ON_SUCCESS = True

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "frontend" / "locale"]
TIME_ZONE = "Europe/Paris"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = env_value("STATIC_ROOT", str(BASE_DIR / "static_root"))
MEDIA_URL = "/media/"
MEDIA_ROOT = env_value("MEDIA_ROOT", str(BASE_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        # Chromium applies this to the redirect after a form too: paying leads to the hosted page.
        "form-action": ["'self'", env_value("STRIPE_API_BASE", "https://checkout.stripe.com")],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
# Oscar's default listens to every save and deletion of every model. What it would index nobody
# searches, and a listener splits each conditional deletion into two statements (decision 0009).
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"
OSCAR_DYNAMIC_CLASS_LOADER = "commerce.oscar_overrides.load_class"
OSCAR_THUMBNAILER = "catalogue.oscar_bridge.thumbnails.Originals"
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_DASHBOARD_NAVIGATION = [
    {"label": "Produits", "url_name": "dashboard:catalogue-product-list"},
    {"label": "Catégories", "url_name": "dashboard:catalogue-category-list"},
    {"label": "Fournisseurs", "url_name": "dashboard:partner-list"},
    {"label": "Stock bas", "url_name": "dashboard:stock-alert-list"},
]
OSCAR_SHOP_NAME = "Faisceau"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "commerce.web.authentication.ApiClient",
        "commerce.web.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["commerce.web.policy.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "commerce.web.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "commerce.web.problems.answer",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Faisceau API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "DESCRIPTION": "Offers, quotes, carts, orders, contracts and bills, for shops, programs and "
    "organisations. Refusals are problem documents (RFC 9457) with a code and a sentence.",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "commerce.web.openapi.problem_component",
        "commerce.web.openapi.webhooks",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Kind": "catalogue.domain.model.Kind",
        "PartState": "subscriptions.domain.instalments.PartState",
        "ChargeKind": "catalogue.domain.model.ChargeKind",
        "RuleKind": "catalogue.domain.model.RuleKind",
        "Segment": "catalogue.domain.model.Segment",
        "Basis": "commerce.kernel.tax.Basis",
        "Currency": ["EUR"],
        "PayBy": "subscriptions.domain.views.PayBy",
        "PurchaseCategory": "subscriptions.domain.carrier.Category",
        "EinvoiceStatus": "subscriptions.domain.einvoicing.EinvoiceStatus",
        "PayerSide": "subscriptions.domain.states.Side",
        "PayerAgreementState": "subscriptions.domain.states.AgreementState",
        "DebitState": "subscriptions.domain.states.DebitState",
        "DunningAction": "subscriptions.domain.dunning.Action",
        "DunningCaseState": "subscriptions.domain.dunning.CaseState",
        "DunningEntryKind": "subscriptions.domain.dunning.EntryKind",
        "SortOrder": "commerce.ordering.browsing.SORTS",
        "TermMonths": [(0, "0"), (12, "12"), (24, "24")],
        "TraceOperation": "commerce.ordering.domain.trace.Operation",
        "NotAppliedReason": "promotions.domain.model.Miss",
        "OrderState": "commerce.ordering.domain.states.OrderState",
        "ConditionOfReturn": "commerce.ordering.domain.withdrawing.Condition",
        "OrderItemState": "commerce.ordering.domain.states.ItemState",
        "OrderItemAction": "commerce.ordering.domain.states.ItemAction",
        "TimelineTopic": "subscriptions.domain.timeline.Topic",
        "LineChangeKind": "commerce.ordering.api.serializers.changes.OFFERED",
        "LineChangeWhen": "commerce.ordering.domain.changes.When",
        "LineChangeReason": "commerce.ordering.domain.changes.ChangeReason",
        "LineHolderState": "commerce.ordering.domain.holder.HolderState",
        "LineBlock": "subscriptions.domain.states.BlockKind",
        "LineBlockByWish": "commerce.ordering.api.serializers.changes.BLOCKS",
        "Channel": "commerce.accounts.kinds.Channel",
        "Role": "commerce.accounts.kinds.Role",
        "PartyKind": "commerce.accounts.kinds.PartyKind",
        "StockPartnerKind": "catalogue.domain.sourcing.PartnerKind",
        "PromotionChange": [(each, each) for each in ("added", "changed", "removed")],
        "BenefitKind": "promotions.domain.benefits.BenefitKind",
        "EarlyExit": "promotions.domain.benefits.EarlyExit",
        "CartDifference": "commerce.ordering.domain.arrival.Change",
        "NumberChoice": "commerce.ordering.domain.numbering.Keep",
        "CancellationRefusal": "orchestration.api.cancellation.Refusal",
        "AmendmentRefusal": "orchestration.api.amendment.AmendmentRefusal",
        "AmendmentInstead": "orchestration.api.amendment.Instead",
        "PortState": "orchestration.domain.porting.PortState",
        "FalloutRemedy": "orchestration.services.fallout_bulk.Remedy",
        "FalloutConsequence": "orchestration.services.fallout_bulk.Consequence",
        "Allowance": "catalogue.domain.usage.Dimension",
        "SpecialNumberUse": "commerce.markets.pack.NumberUse",
        "SpecialNumberCategory": ["free", "ordinary", "surcharged"],
        "SpecialNumberTariff": ["free", "ordinary", "per_minute", "per_call"],
        "SpecialNumberColour": ["green", "grey", "magenta"],
        "PortingSlot": "commerce.ordering.domain.numbering.SLOTS",
        "Country": ["FR"],
        "Language": "commerce.ordering.api.serializers.orders.LANGUAGES",
        "InvoiceKind": "subscriptions.domain.states.InvoiceKind",
        "InvoiceLineKind": "subscriptions.domain.states.LineKind",
        "InvoiceSectionCode": "subscriptions.domain.views.Section",
        "InvoiceDifferenceReason": "subscriptions.domain.explaining.Why",
        "SubscriptionStatus": "subscriptions.domain.states.SubscriptionStatus",
        "JeopardyColour": "orchestration.api.jeopardy.LATE",
        "ManualTaskAct": "orchestration.api.by_hand.HandAct",
        "WebhookEndpointState": "commerce.events.models.EndpointState",
        "WebhookState": "commerce.events.models.WebhookState",
        "MilestoneState": "orchestration.api.tracking.StepState",
    },
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "SCOPES": {
        "catalogue": "Read offers",
        "orders": "Quote, order and approve",
        "consumption": "Report what lines used",
        # CAMARA Carrier Billing 0.5 and Carrier Billing Refund 0.3
        "carrier-billing:payments:create": "Charge or reserve on a line's bill",
        "carrier-billing:payments:write": "Validate, confirm and cancel",
        "carrier-billing:payments:read": "Read one's own payments",
        "carrier-billing-refund:refunds:create": "Give a payment back",
        "carrier-billing-refund:refunds:read": "Read one's own refunds",
    },
    "DEFAULT_SCOPES": ["catalogue", "orders"],
    # RFC 9700. Only client credentials are served; what else the library can do is closed.
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    **{
        f"COMPLIANT_BCP_RFC9700_{practice}": True
        for practice in (
            *("IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "PKCE_REQUIRED"),
            *("ACCESS_TOKEN_TRANSPORT", "AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE"),
            *("REFRESH_TOKEN", "REDIRECT_URI_SCHEME", "REDIRECT_URI_MATCHING"),
        )
    },
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

CELERY = {
    "broker_url": env_value("BROKER_URL", REDIS_URL),
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "task_serializer": "json",
    "accept_content": ["json"],
    "broker_connection_retry_on_startup": True,
    # However long the broker is away, and whatever it answers meanwhile (that it only reads, for
    # one, while another one takes over), a worker waits for it: Celery's own limits end it.
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "worker_pool": "commerce.worker_pool:WorkerPool",
    # On a busy machine a process that was just started is no dead one.
    "worker_proc_alive_timeout": 60.0,
    "broker_transport_options": {"visibility_timeout": 600},
    "worker_hijack_root_logger": False,
    "task_always_eager": False,
    # Else Celery's Django fixup opens a connection to PostgreSQL for every message. Which ones are
    # still good is decided before each task, by age and health, in `commerce.celery`.
    "CELERY_DB_REUSE_MAX": 1_000_000,
}

# The outside world: one adapter per port, by dotted path.
ADAPTERS = {
    "payments": "commerce.payments.stripe_gateway.StripeGateway",
    "messages": "commerce.notifications.adapters.http.HttpMessages",
    "letters": "commerce.notifications.adapters.http.HttpLetters",
    "logistics": "orchestration.adapters.http.HttpLogistics",
    "dropship": "orchestration.adapters.http.HttpDropship",
    "shop": "orchestration.adapters.http.HttpShops",
    "porting": "orchestration.adapters.http.HttpPorting",
    "esim": "orchestration.adapters.http.HttpEsim",
    "network": "orchestration.adapters.http.HttpNetwork",
    "content": "orchestration.adapters.http.HttpContent",
    "billing": "orchestration.adapters.local_billing.LocalBilling",
    "einvoicing": "orchestration.adapters.einvoicing.HttpEinvoicing",
    "credit": "commerce.ordering.domain.credit.OwnRule",
}
STRIPE_API_KEY = env_value("STRIPE_API_KEY")
STRIPE_WEBHOOK_SECRET = env_value("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env_value("STRIPE_API_BASE", "")
PROVIDERS_URL = env_value("PROVIDERS_URL")
PROVIDERS_API_KEY = env_value("PROVIDERS_API_KEY")
PROVIDERS_CALLBACK_SECRET = env_value("PROVIDERS_CALLBACK_SECRET")
PROVIDER_TIMEOUT_SECONDS = 5.0
MERCHANT_URL = env_value("MERCHANT_URL", "")
"""A simulated merchant, who follows the virtual clock; nobody else's."""

MARKET = "fr"
DUNNING_POLICY = env_value("DUNNING_POLICY", "")
"""A YAML file with the operator's own steps of dunning; else those of the market."""
INSTALMENTS_FOR = env_list("INSTALMENTS_FOR", [])
"""Segments in which a device may be paid in parts, beside those of the market's own rules."""
BILL_RUN_LIMITS = {
    "at_least": 500,
    "left_out": "0.02",
    "parked": "0.05",
    "count": "0.30",
    "average": "0.20",
}
"""By how much a bill run may differ before it is held: `subscriptions.domain.control.Limits`."""
RECONCILIATION_EVERY_DAYS = 1
"""Of business time, from one look at everything to the next, at seven in the morning."""
SEPA_CREDITOR_ID = env_value("SEPA_CREDITOR_ID", "FR72ZZZ123456")
"""Under which payers see our direct debits (identifiant créancier SEPA)."""
SELLER = {
    "name": env_value("SELLER_NAME", "Faisceau"),
    "line1": env_value("SELLER_ADDRESS", "1 rue de l'Exemple"),
    "postcode": env_value("SELLER_POSTCODE", "75001"),
    "city": env_value("SELLER_CITY", "Paris"),
    "country": env_value("SELLER_COUNTRY", "FR"),
    "site_number": env_value("SELLER_SITE_NUMBER", "01020304000018"),
    "vat_number": env_value("SELLER_VAT_NUMBER", "FR06010203040"),
    "registration": env_value("SELLER_REGISTRATION", "SAS, RCS Paris 010 203 040"),
    "iban": env_value("SELLER_IBAN", "FR7699999000010000000000115"),
}
"""Who sells, on bills and in the legal notice; invented here: no real company number begins so."""
PUBLISHER = [
    SELLER["name"],
    SELLER["line1"],
    f"{SELLER['postcode']} {SELLER['city']}",
    SELLER["registration"],
]
INVOICE_PAPER = "frontend.account.invoice_pdf.pdf_of"
"""Who makes the PDF of an invoice; see `subscriptions.invoicing.files`."""
VIRTUAL_CLOCK = False
WEBHOOKS_STAY_HOME = False
"""Whether webhooks may go to this machine and without TLS; on a developer's machine only."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"trace": {"()": "commerce.web.logs.TraceFilter"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(levelname)s %(name)s %(trace_id)s %(message)s",
            "timestamp": "at",
        }
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["trace"]}
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "django.server",
            "httpx",
            "stripe",
            "celery.app.trace",
            "celery.worker.strategy",
            "factur-x",
            "fontTools",
            "weasyprint.progress",
        )
    },
}
