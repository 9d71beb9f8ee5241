"""Documents that prove a motive, for staff alone."""

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache

from commerce.accounts.written import proof_file
from commerce.web.policy import Policy, policy


@policy(Policy.AGENT, Policy.OPERATOR)
@never_cache
def proof(request: HttpRequest, proof_id: int) -> HttpResponse:
    """The document as it was sent; never opened in the page, as a stranger made it."""
    found = proof_file(proof_id)
    named = content_disposition_header(as_attachment=True, filename=found.name) or "attachment"
    return HttpResponse(
        found.content, content_type=found.kind, headers={"Content-Disposition": named}
    )
