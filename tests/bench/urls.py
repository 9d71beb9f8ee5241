"""The shop's addresses and one that does nothing, which nobody but the benchmark mounts."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.request import Request
from rest_framework.response import Response

from commerce import urls
from commerce.urls import handler400, handler403, handler404, handler500
from commerce.web.policy import Policy
from commerce.web.views import ApiView

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class NoopView(ApiView):
    """What server, middleware and authentication cost by themselves."""

    policy = Policy.PUBLIC
    scope = "catalogue"

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/bench/noop", NoopView.as_view(), name="bench-noop"),
    *urls.urlpatterns,
]
