"""Where providers call back: checked, stored, answered; the work happens afterwards."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks import Webhook, WebhookVerificationError

from commerce.kernel.errors import Forbidden, InvalidInput
from commerce.web.policy import Policy, policy
from commerce.web.problems import problem_of, problem_response
from orchestration.adapters.client import callback_secret, read_event
from orchestration.adapters.einvoicing import platform_event
from orchestration.porting import leaving
from orchestration.porting.calls import HOUSE
from orchestration.services.callbacks import receive
from subscriptions.carrier.services.stopping import stop_by_message
from subscriptions.einvoicing.services import einvoicing

MESSAGES, RECEIVED = "messages", "message.received"
"""An SMS that a customer wrote to us: the carrier's word, and nobody's request."""


@csrf_exempt
@require_POST
@policy(Policy.SIGNED)
def provider_callback(request: HttpRequest, provider: str) -> HttpResponse:
    """One callback of `provider`, signed by Standard Webhooks; twice is as good as once."""
    try:
        body = _verified(request, provider=provider)
        try:
            event, key = read_event(body), str(body["request_key"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput("The callback lacks a field.", field=str(error)) from error
        if provider == MESSAGES and event.type == RECEIVED:
            stop_by_message(
                number=str(event.data.get("from", "")), text=str(event.data.get("text", ""))
            )
        elif provider == HOUSE and event.type.startswith(leaving.PREFIX):
            leaving.take_in(provider_code=provider, request_key=key, event=event)
        elif provider == einvoicing.PORT:
            einvoicing.take_event(request_key=key, event=platform_event(event))
        else:
            receive(provider_code=provider, request_key=key, events=[event])
    except (Forbidden, InvalidInput) as problem:
        told = problem_of(problem)
        assert told is not None
        return problem_response(told)
    return HttpResponse(status=204)


@lru_cache(maxsize=32)
def _verifier(provider: str) -> Webhook:
    return Webhook(callback_secret(provider))


def _verified(request: HttpRequest, *, provider: str) -> Mapping[str, Any]:
    """Raises Forbidden for a wrong or old signature, InvalidInput for anything but an object."""
    try:
        body = _verifier(provider).verify(request.body, dict(request.headers.items()))
    except json.JSONDecodeError as error:
        raise InvalidInput("The callback is not JSON.", code="malformed_json") from error
    except (WebhookVerificationError, ValueError) as error:
        raise Forbidden("The signature does not fit the callback.", code="bad_signature") from error
    if not isinstance(body, Mapping):
        raise InvalidInput("The callback is not an object.", code="malformed_json")
    return body
