"""Leaving early: what is still owed (L224-28 of the consumer code; L121-84-6 until 2022), how soon
a contract ends (L224-39), and when it ends free of charge all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from commerce.kernel.money import Money, total
from commerce.markets.pack import TerminationRules, TermsRules


@dataclass(frozen=True, slots=True)
class _Share:
    """What is owed of the instalments after the twelfth month, with and without a subsidised
    handset, under commitments taken on from the day `since` on."""

    since: date
    subsidised: Decimal
    plain: Decimal


PROTECTED_AFTER = 12
SHARES = (
    _Share(date(2023, 1, 1), subsidised=Decimal("0.20"), plain=Decimal(0)),
    _Share(date(2008, 6, 1), subsidised=Decimal("0.25"), plain=Decimal("0.25")),
    _Share(date.min, subsidised=Decimal(1), plain=Decimal(1)),
)
"""The latest first: L224-28 as of 2023, the law of 3 January 2008 before it, none before that."""

RULES = TerminationRules(
    notice_days=10,
    motives={
        "over_indebtedness": {
            "fr": "Surendettement (dossier recevable)",
            "en": "Over-indebtedness (accepted file)",
        },
        "contract_change": {
            "fr": "Modification du contrat que je refuse (moins de quatre mois)",
            "en": "A change of the contract that I refuse (within four months)",
        },
        "quality_gap": {
            "fr": "Écart important de qualité, permanent ou fréquent (L224-34)",
            "en": "A significant gap in quality, permanent or frequent (L224-34)",
        },
        "death": {"fr": "Décès du titulaire", "en": "Death of the holder"},
        "move_abroad": {
            "fr": "Déménagement à l'étranger ou hors couverture",
            "en": "A move abroad or out of coverage",
        },
        "no_longer_usable": {
            "fr": "Maladie ou handicap, perte d'emploi, détention",
            "en": "Illness or disability, loss of work, detention",
        },
    },
)

TERMS = TermsRules(notice_months=1, leave_months=4)
"""Changes that the operator makes (L224-33 of the consumer code, L121-84 before it)."""


def early_termination_fee(
    instalments: Sequence[Money],
    *,
    elapsed: int,
    subsidised: bool,
    committed_on: date,
    business: bool = False,
) -> Money:
    """What is owed by who leaves after `elapsed` full months, rounded half up.

    `instalments` are due for the months that are left of the commitment, the first of them perhaps
    for a part of its month. Until the twelfth month every one is owed; of what comes after it the
    share of `SHARES` that held on the day `committed_on`. The law protects consumers; a business
    owes all.
    """
    protected = len(instalments) if business else max(PROTECTED_AFTER - elapsed, 0)
    rule = next(each for each in SHARES if each.since <= committed_on)
    share = rule.subsidised if subsidised else rule.plain
    return (total(instalments[:protected]) + total(instalments[protected:]) * share).rounded()
