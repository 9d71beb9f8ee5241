"""The demo catalogue: read and checked once in each process, however many tests sell it."""

from datetime import date, datetime
from functools import cache
from pathlib import Path

from catalogue.importer.loader import Accepted, load
from catalogue.services.publishing import put_on_sale
from commerce.accounts.identity import SYSTEM
from commerce.kernel.clock import PARIS

DEMO = Path(__file__).resolve().parents[1] / "catalogue" / "demo"


@cache
def demo_on(day: date) -> Accepted:
    return load(DEMO, on=day)


def demo() -> Accepted:
    """On any day of November 2026."""
    return demo_on(date(2026, 11, 1))


def sell_demo(*, at: datetime) -> None:
    """What `import_catalogue` does where nothing is sold yet."""
    accepted = demo_on(at.astimezone(PARIS).date())
    put_on_sale(accepted, at=at, note=accepted.catalogue.release.note, context=SYSTEM)
