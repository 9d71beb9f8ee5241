"""The addresses of the whole system; each app brings its own."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from oauth2_provider.views import TokenView

from commerce.web.health import healthz, readyz

handler400 = "commerce.web.errors.bad_request"
handler403 = "commerce.web.errors.forbidden"
handler404 = "commerce.web.errors.not_found"
handler500 = "commerce.web.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("oauth/token/", TokenView.as_view(), name="oauth-token"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include("commerce.accounts.api.urls")),
    path("api/v1/", include("commerce.ordering.api.urls")),
    path("api/v1/", include("promotions.api.urls")),
    path("api/v1/", include("subscriptions.api.urls")),
    path("api/v1/", include("orchestration.api.v1")),
    path("", include("subscriptions.carrier.api.urls")),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("", include("catalogue.oscar_bridge.urls")),
    path("", include("commerce.payments.urls")),
    path("", include("orchestration.api.urls")),
    path("", include("frontend.urls.root")),
]
