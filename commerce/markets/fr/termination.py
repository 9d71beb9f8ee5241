"""Leaving early: what a consumer still owes (L224-28 of the consumer code, from 1 January 2023)."""

from decimal import Decimal

from commerce.kernel.money import Money

PROTECTED_AFTER = 12
SHARE_WITH_HANDSET = Decimal("0.20")
MAXIMUM_COMMITMENT = 24
NOTICE_DAYS = 10


def early_termination_fee(monthly: Money, *, term: int, elapsed: int, subsidised: bool) -> Money:
    """What is owed after `elapsed` full months of `term`, rounded half up.

    Until the twelfth month every instalment is due. Of what comes after it nothing is, or one fifth
    where the offer came with a subsidised handset.
    """
    before = max(min(term, PROTECTED_AFTER) - elapsed, 0)
    after = max(term - max(elapsed, PROTECTED_AFTER), 0)
    share = SHARE_WITH_HANDSET if subsidised else Decimal(0)
    return (monthly * (before + after * share)).rounded()
