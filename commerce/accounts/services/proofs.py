"""Documents that prove why a contract may end without a fee: taken in, shown to staff, erased."""

from datetime import timedelta
from pathlib import PurePath

from django.db import transaction

from commerce.accounts.models import ContractRequest, Proof
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated

MOST_BYTES = 4 * 1024 * 1024
MOST_PROOFS = 5
"""Of one request."""
KEPT = timedelta(days=183)
"""After that nobody disputes the end any more, and what it says of a life is nobody's business."""
_BEGINS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}


@transaction.atomic
def add_proof(*, reference: str, name: str, content: bytes) -> None:
    """Keep a document with the request. The same again is kept once.

    Raises:
        NotFound: `unknown_request`.
        InvalidInput: `proof_kind`: by its content it is no PDF, JPEG or PNG; `proof_too_large`.
        RuleViolated: `no_motive`: there is nothing to prove; `too_many_proofs`.
    """
    row = ContractRequest.objects.select_for_update().filter(reference=reference).first()
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    if not row.motive:
        raise RuleViolated("This request names no motive to be proved.", code="no_motive")
    if len(content) > MOST_BYTES:
        raise InvalidInput(
            "The document may have 4 megabytes at most.", code="proof_too_large", field="proof"
        )
    kind = next((kind for begin, kind in _BEGINS.items() if content.startswith(begin)), "")
    if not kind:
        raise InvalidInput("Send a PDF, a JPEG or a PNG.", code="proof_kind", field="proof")
    known = Proof.objects.filter(request=row)
    if known.filter(content=content).exists():
        return
    if known.count() >= MOST_PROOFS:
        raise RuleViolated("There are enough documents already.", code="too_many_proofs")
    Proof.objects.create(
        request=row,
        name=PurePath(name.replace("\\", "/")).name[:80] or "document",
        kind=kind,
        content=content,
        received_at=business_now(),
    )


def forget_old() -> int:
    """A purge: erase what has been kept for its time; how many."""
    gone, _ = Proof.objects.filter(received_at__lt=business_now() - KEPT).delete()
    return gone
