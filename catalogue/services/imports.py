"""Catalogue files become a release."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from catalogue.importer.loader import Accepted, load
from catalogue.selectors import current_release
from catalogue.services.mirror import add_numbers, add_stock
from catalogue.services.publishing import one_at_a_time, put_on_sale
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.kernel.clock import PARIS


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `created` is False when the same catalogue is in force already."""

    release: int
    digest: str
    created: bool
    offerings: int


def check(path: Path, *, at: datetime, market: str = "fr") -> Accepted:
    """Read and check without writing. Raises CatalogueInvalid with every problem."""
    return load(path, on=at.astimezone(PARIS).date(), market_code=market)


@transaction.atomic
def import_catalogue(
    path: Path,
    *,
    at: datetime,
    market: str = "fr",
    note: str = "",
    context: AccountContext = SYSTEM,
) -> Imported:
    """Publish the catalogue in `path` from `at` on; all of it or nothing.

    The same catalogue as the one in force makes no new release. Stock is only what it was first
    said to be: pieces that are there stay as they are. Numbers are only added.

    Raises:
        CatalogueInvalid: with every problem that was found.
    """
    accepted = check(path, at=at, market=market)
    one_at_a_time()
    current = current_release(at)
    if current is not None and current.digest == accepted.digest:
        add_stock(accepted.catalogue)
        add_numbers(accepted.catalogue)
        return Imported(current.number, accepted.digest, False, len(accepted.snapshot.offerings))
    note = note or accepted.catalogue.release.note
    release = put_on_sale(accepted, at=at, note=note, context=context)
    return Imported(release.number, accepted.digest, True, len(accepted.snapshot.offerings))
