"""Number portability in France: delays, cut-off, compensation, and why an operator may say no.

Delays: L44-4 and D406-18 CPCE, decision 2012-0576, articles 7 and 10. The list of motives is closed
(decisions 2006-0381, article 4, and 2009-0637, article 3); there is deliberately none for an unpaid
bill. The codes are ours: those of the clearing house are not public.
"""

from datetime import time
from decimal import Decimal

from commerce.kernel.money import Money
from commerce.markets.pack import Mend, Motive, PortingRules

RULES = PortingRules(
    answer_days=2,
    total_days=3,
    cancel_until=time(20, 0),
    slots=("08:00-12:00", "12:00-16:00", "16:00-20:00"),
    late_per_day=Money(Decimal("5.00")),
    late_at_most=Money(Decimal("50.00")),
    recoverable_days=40,
)


def _motive(
    code: str, mend: Mend, *, fr: tuple[str, str], en: tuple[str, str]
) -> tuple[str, Motive]:
    return code, Motive(
        code, mend, text={"fr": fr[0], "en": en[0]}, next_step={"fr": fr[1], "en": en[1]}
    )


MOTIVES = dict(
    (
        _motive(
            "OPR_NOT_HOLDER",
            Mend.HOLDER,
            fr=(
                "La demande ne vient pas du titulaire de la ligne.",
                "Demandez au titulaire de vous donner mandat, ou prenez un nouveau numéro.",
            ),
            en=(
                "The request does not come from the holder of the line.",
                "Ask the holder for a mandate, or take a new number.",
            ),
        ),
        _motive(
            "OPR_INCOMPLETE",
            Mend.DATA,
            fr=(
                "La demande n'était pas complète.",
                "Vérifiez le numéro et le RIO, puis renvoyez la demande.",
            ),
            en=(
                "The request was not complete.",
                "Check the number and the RIO, then send the request again.",
            ),
        ),
        _motive(
            "OPR_PLAN",
            Mend.NONE,
            fr=(
                "Ce numéro ne peut pas être utilisé là où se trouve la nouvelle ligne.",
                "Prenez un nouveau numéro.",
            ),
            en=(
                "This number can't be used where the new line is.",
                "Take a new number.",
            ),
        ),
        _motive(
            "OPR_TECH",
            Mend.NONE,
            fr=(
                "Le transfert est techniquement impossible pour cette ligne.",
                "Prenez un nouveau numéro.",
            ),
            en=(
                "The transfer is technically impossible for this line.",
                "Take a new number.",
            ),
        ),
        _motive(
            "OPD_DATA",
            Mend.DATA,
            fr=(
                "Votre ancien opérateur ne reconnaît pas le numéro ou le RIO.",
                "Appelez le 3179 depuis la ligne à conserver, puis corrigez le RIO ci-dessous.",
            ),
            en=(
                "Your former operator does not recognise the number or the RIO.",
                "Call 3179 from the line that you keep, then correct the RIO below.",
            ),
        ),
        _motive(
            "OPD_INACTIVE",
            Mend.DATA,
            fr=(
                "La ligne n'est pas active chez votre ancien opérateur.",
                "Faites-la rétablir par votre ancien opérateur (vous pouvez récupérer votre numéro "
                "pendant 40 jours après une résiliation), puis renvoyez la demande.",
            ),
            en=(
                "The line is not active with your former operator.",
                "Have it restored by your former operator (a number can be recovered for 40 days "
                "after the end of the contract), then send the request again.",
            ),
        ),
        _motive(
            "OPD_IN_PROGRESS",
            Mend.WAIT,
            fr=(
                "Un autre transfert de ce numéro est déjà en cours.",
                "Faites annuler l'autre demande par l'opérateur qui l'a reçue, puis renvoyez "
                "celle-ci.",
            ),
            en=(
                "Another transfer of this number is already under way.",
                "Have the other request cancelled by the operator who took it, then send this "
                "one again.",
            ),
        ),
    )
)
"""OPR: the operator who receives the number; OPD: the donor."""
