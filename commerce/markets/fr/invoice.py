"""What a French invoice must say (242 nonies A ann. II CGI, L441-9 and L441-10 C. com.)."""

from commerce.kernel.money import Money
from commerce.markets.pack import CarrierCaps, Mention

CARRIER_CAPS = CarrierCaps(per_purchase=Money.of(50), per_month=Money.of(300))  # L521-3-1 CMF
RECOVERY_INDEMNITY = Money.of(40)

_BUSINESS = (
    Mention(
        "PMD",
        {
            "fr": "En cas de retard de paiement, des pénalités sont dues au taux de trois fois le "
            "taux d'intérêt légal.",
            "en": "Late payment bears interest at three times the legal rate.",
        },
    ),
    Mention(
        "PMT",
        {
            "fr": "Une indemnité forfaitaire de 40 € est due, pour frais de recouvrement, par "
            "facture payée en retard.",
            "en": "A fixed sum of €40 for recovery costs is due for each invoice paid late.",
        },
    ),
    Mention(
        "AAB",
        {
            "fr": "Aucun escompte n'est accordé pour paiement anticipé.",
            "en": "No discount is granted for early payment.",
        },
    ),
    Mention(
        "SET_OFF",
        {
            "fr": "Réglée par compensation avec les sommes encaissées pour votre compte "
            "(article 1347 du code civil).",
            "en": "Settled by set-off against what was collected for your account "
            "(article 1347 of the civil code).",
        },
    ),
)
_CONSUMER = (
    Mention(
        "CLAIM",
        {
            "fr": "Une réclamation sur cette facture peut être faite pendant un an "
            "(article L34-2 du code des postes et des communications électroniques).",
            "en": "A claim about this bill can be made within one year "
            "(article L34-2 of the post and electronic communications code).",
        },
    ),
    Mention(
        "MEDIATION",
        {
            "fr": "Si notre réponse ne vous convient pas, vous pouvez saisir gratuitement le "
            "médiateur des communications électroniques.",
            "en": "If our answer does not satisfy you, you can turn to the mediator of electronic "
            "communications, free of charge.",
        },
    ),
)
_VAT_ON_DEBITS = Mention(
    "DEBITS",
    {"fr": "TVA acquittée sur les débits.", "en": "VAT paid on debits."},
)


def invoice_mentions(*, business: bool) -> tuple[Mention, ...]:
    """The sentences for that kind of buyer, in the order in which they are printed."""
    return (_VAT_ON_DEBITS, *(_BUSINESS if business else _CONSUMER))
