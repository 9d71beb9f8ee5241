"""Why a price is what it is: the trace of a quote as a tree, with what was and was not given."""

from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.trace import TraceStep, replay
from frontend.shop.contract import leaving_words, tariff_text
from frontend.shop.panel import line_name, trace_of
from frontend.shop.words import retention_reason, said


def why_page(quote: Quote, *, catalogue: Snapshot) -> dict[str, Any]:
    """The context of `checkout/why.html`; every amount is computed again for it."""
    benefits = {applied.code: said(applied.name) for applied in quote.applied}
    return {
        "quote": quote,
        "tree": trace_of(quote, catalogue=catalogue, benefits=benefits),
        "amounts": sum(_amounts(step) for step in quote.trace),
        "replayed": all(_agrees(step) for step in quote.trace),
        "applied": [
            {
                "name": said(applied.name),
                "saving": applied.saving_over_commitment,
                "note": _note(applied.reason),
            }
            for applied in quote.applied
        ],
        "within_reach": [
            {"name": said(miss.name), "sentence": said(miss.sentence)}
            for miss in quote.within_reach
        ],
        "tariffs": [
            (f"{line_name(line, catalogue=catalogue)}, {tariff.unit}", tariff_text(tariff))
            for line in quote.lines
            for tariff in line.tariffs
        ],
        "leaving": leaving_words(quote.given_back()),
    }


def _note(reason: str) -> str:
    if not reason:
        return ""
    return _("Given by an agent: %(reason)s") % {"reason": retention_reason(reason)}


def _amounts(step: TraceStep) -> int:
    return 1 + sum(_amounts(part) for part in step.parts)


def _agrees(step: TraceStep) -> bool:
    """Whether the step and all its parts come out as they were written."""
    return replay(step) == step.amount and all(_agrees(part) for part in step.parts)
