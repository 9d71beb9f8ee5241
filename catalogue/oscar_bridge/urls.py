"""Oscar's dashboard for products, categories, suppliers and stock; for catalogue managers alone.

Nothing else of Oscar is mounted. The namespaces `customer` and `catalogue` exist because its
templates name them; they lead to our own pages.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from catalogue.oscar_bridge import views
from commerce.web.policy import Policy, policy

Routes = list[URLPattern | URLResolver]

CLOSED = frozenset({"partner-user-create", "partner-user-select", "partner-user-link",
                    "partner-user-unlink", "partner-user-update"})  # fmt: skip


def guarded(patterns: Iterable[URLPattern]) -> Iterator[URLPattern]:
    """Oscar's routes, each for catalogue managers alone; logins are made elsewhere."""
    for pattern in patterns:
        if pattern.name in CLOSED:
            pattern.callback = views.closed
        else:
            pattern.callback = policy(Policy.CATALOGUE)(pattern.callback)
        yield pattern


def _of(app: str) -> Routes:
    """Its routes under our policy: Oscar would ask for permissions per model, we ask by role."""
    config: Any = apps.get_app_config(app)
    config.permissions_map, config.default_permissions = {}, None
    return list(guarded(config.get_urls()))


dashboard: Routes = [
    path("", views.products, name="index"),
    path("products/", include(_of("catalogue_dashboard"))),
    path("partners/", include(_of("partners_dashboard"))),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
]
customer: Routes = [
    path("account/", views.account, name="summary"),
    path("login/", views.log_in, name="login"),
]
catalogue: Routes = [
    path("", views.shop, name="index"),
    path("product/<slug:product_slug>/<int:pk>/", views.on_sale, name="detail"),
    path("product/<slug:parent_slug>/<slug:product_slug>/<int:pk>/", views.on_sale, name="detail"),
    path("category/<path:category_slug>/<int:pk>/", views.shop, name="category"),
]

urlpatterns: Routes = [
    path("backoffice/catalogue/", include((dashboard, "dashboard"), namespace="dashboard")),
    path("backoffice/to/customer/", include((customer, "customer"), namespace="customer")),
    path("backoffice/to/shop/", include((catalogue, "catalogue"), namespace="catalogue")),
]
