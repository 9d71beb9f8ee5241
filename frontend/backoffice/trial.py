"""How a promotion, or all of a draft, was tried: sums, examples, samples."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.kernel.tax import Basis
from commerce.ordering.domain.trial import Side
from commerce.ordering.trials import Trial
from frontend.shop.words import euros, said

WHAT: Mapping[str, Any] = {
    "added": gettext_lazy("added"),
    "changed": gettext_lazy("changed"),
    "removed": gettext_lazy("removed"),
}


def trial_shown(trial: Trial) -> dict[str, Any]:
    """What a trial says: sums per kind of customer, examples, samples."""
    return {
        "seen": trial.tried.seen,
        "placed": trial.placed,
        "applied": trial.tried.applied,
        "promotions": [
            (
                code,
                str(WHAT[trial.change.what(code)]),
                trial.tried.given[Side.BEFORE, code],
                trial.tried.given[Side.AFTER, code],
            )
            for code in trial.change.codes
        ],
        "since": trial.since,
        "totals": [
            (_basis(basis), total.sales, euros(total.today), euros(total.commitment))
            for basis, total in trial.tried.totals.items()
        ],
        "examples": [
            (each.name, euros(each.before), euros(each.today), euros(each.commitment))
            for each in trial.tried.examples
        ],
        "samples": [
            (
                said(each.name),
                None
                if each.effect is None
                else (euros(each.effect.today), euros(each.effect.commitment)),
            )
            for each in trial.samples
        ],
    }


def _basis(basis: Basis) -> str:
    return _("Businesses, without tax") if basis is Basis.HT else _("Consumers, with tax")
