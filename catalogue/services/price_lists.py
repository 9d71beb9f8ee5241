"""Price lists go out as CSV and come back into a draft, all of it or nothing."""

from django.db import transaction

from catalogue.importer.price_list import price_list, repriced
from catalogue.importer.writing import parts_of
from catalogue.selectors import source_of
from catalogue.services.acts import only_managers, record
from catalogue.services.drafts import locked, parts_in, parts_of_draft, replace_parts
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import InvalidInput

MOST_TEXT = 20_000_000


def prices_of_release(release: int | None = None) -> str:
    """The price list of a release (default: the last one made). Raises as `source_of`."""
    return price_list(list(parts_of(source_of(release)[1])))


def prices_of_draft(draft_id: int) -> str:
    """The price list of a draft. Raises NotFound `unknown_draft`."""
    return price_list(parts_of_draft(draft_id))


@transaction.atomic
def take_in(context: AccountContext, *, draft_id: int, text: str, file: str) -> int:
    """Put the amounts of a price list into the draft; how many parts that changed.

    Raises:
        CatalogueInvalid: with file, line and field of everything wrong; then nothing is changed.
        NotFound: `unknown_draft`. Conflict: `draft_closed`.
    """
    only_managers(context)
    if len(text) > MOST_TEXT:
        raise InvalidInput("That price list is too long.", code="text_too_long", field="file")
    draft = locked(draft_id)
    changed = repriced(parts_in(draft), text, file=file)
    if changed:
        replace_parts(draft, changed)
        names = [f"{part.section}/{part.key}" for part in changed]
        values = {"file": file, "parts": names}
        record("prices_imported", context=context, draft=draft, values=values)
    return len(changed)
