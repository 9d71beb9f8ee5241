"""The guided journey: every step has an address that can be shared."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from commerce.web.policy import Policy, policy


@policy(Policy.VISITOR)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@policy(Policy.VISITOR)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
