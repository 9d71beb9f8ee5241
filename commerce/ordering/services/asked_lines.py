"""Which lines of a quote their buyer is asked about before their free months are over."""

from catalogue.domain.model import Snapshot
from catalogue.selectors import last_sold
from commerce.ordering.domain.quote import Quote
from subscriptions.contracts.services.asking import is_asked_about


def asked_lines(quote: Quote, *, segment: str, catalogue: Snapshot) -> frozenset[str]:
    """Their ids; whether they are free at first is told by their charges."""
    sold = ((line.id, last_sold(line.offering, catalogue=catalogue)) for line in quote.lines)
    return frozenset(
        line
        for line, offering in sold
        if offering and is_asked_about(offering.kind, segment=segment)
    )
