"""To which account and under which reference a bill is to be transferred, as page and paper say."""

from typing import Any

from django.utils.translation import gettext as _
from segno import helpers

from commerce.kernel.money import Money
from frontend.qr import drawn
from subscriptions.domain.views import TransferTo

MOST_LETTERS = 70
"""Of a payee's name in a code (EPC069-12)."""


def transfer_box(to: TransferTo | None, *, amount: Money) -> dict[str, Any] | None:
    """IBAN and reference as people read them, and as a code that a bank's app reads (EPC069-12);
    None where nothing is to be transferred."""
    if to is None:
        return None
    made = helpers.make_epc_qr(
        name=to.payee[:MOST_LETTERS], iban=to.iban, amount=amount.amount, reference=to.reference
    )
    return {
        "iban": _in_fours(to.iban),
        "reference": _in_fours(to.reference),
        "payee": to.payee,
        "amount": amount,
        "code": drawn(made, title=_("QR code of this transfer")),
    }


def _in_fours(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
