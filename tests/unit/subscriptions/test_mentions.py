"""What the law wants on a bill is stored as codes; each must have its sentence."""

import pytest

from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from subscriptions.carrier.services import commissions
from subscriptions.domain.invoice import mentions


@pytest.mark.parametrize("basis", list(Basis))
def test_every_mention_of_a_bill_has_a_sentence_in_both_languages(basis: Basis) -> None:
    said = {m.code: m.text for m in market("fr").invoice_mentions(business=basis is Basis.HT)}
    set_off = [commissions.SET_OFF] if basis is Basis.HT else []
    assert [*mentions(basis), *set_off] == list(said)
    assert all({"fr", "en"} <= set(texts) for texts in said.values())
