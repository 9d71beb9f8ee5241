"""What the law wants on a bill is stored as codes; each must have its sentence."""

import pytest

from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from subscriptions.domain.invoice import mentions


@pytest.mark.parametrize("basis", list(Basis))
def test_every_mention_of_a_bill_has_a_sentence_in_both_languages(basis: Basis) -> None:
    said = {m.code: m.text for m in market("fr").invoice_mentions(business=basis is Basis.HT)}
    assert list(mentions(basis)) == list(said)
    assert all({"fr", "en"} <= set(said[code]) for code in mentions(basis))
