"""The addresses of the pages; each area has its own file beside this one."""

from django.urls import URLPattern, URLResolver, include, path

from frontend.views import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("", include("frontend.urls.shop")),
    path("", include("frontend.urls.account")),
    path("", include("frontend.urls.legal")),
    path("", include("frontend.urls.agent")),
    path("", include("frontend.urls.checkout")),
    path("", include("frontend.urls.business")),
    path("", include("frontend.urls.ops")),
    path("", include("frontend.urls.backoffice")),
]
