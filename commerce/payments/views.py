"""The provider's door."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from commerce.kernel.errors import InvalidInput
from commerce.payments.gateway import gateway
from commerce.payments.services.webhooks import store_webhook
from commerce.web.policy import Policy, policy
from commerce.web.problems import Problem, problem_response


@csrf_exempt
@policy(Policy.SIGNED)
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Stored, then 200: what it means is worked out later."""
    try:
        notice = gateway().read_notice(
            body=request.body, signature=request.headers.get("Stripe-Signature", "")
        )
    except InvalidInput as error:
        return problem_response(Problem(400, error.code, error.message))
    store_webhook(notice)
    return HttpResponse(status=200)
