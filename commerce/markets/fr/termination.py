"""Leaving early: what is still owed (L224-28 of the consumer code, from 1 January 2023), how soon a
contract ends (L224-39), and when it ends free of charge all the same."""

from collections.abc import Sequence
from decimal import Decimal

from commerce.kernel.money import Money, total
from commerce.markets.pack import TerminationRules

PROTECTED_AFTER = 12
SHARE_WITH_HANDSET = Decimal("0.20")
MAXIMUM_COMMITMENT = 24

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


def early_termination_fee(
    instalments: Sequence[Money], *, elapsed: int, subsidised: bool, business: bool = False
) -> Money:
    """What is owed by who leaves after `elapsed` full months, rounded half up.

    `instalments` are due for the months that are left of the commitment, the first of them perhaps
    for a part of its month. Until the twelfth month every one is owed. Of what comes after it
    nothing is, or one fifth where the offer came with a subsidised handset. The law protects
    consumers; a business owes all.
    """
    protected = len(instalments) if business else max(PROTECTED_AFTER - elapsed, 0)
    share = SHARE_WITH_HANDSET if subsidised else Decimal(0)
    return (total(instalments[:protected]) + total(instalments[protected:]) * share).rounded()
