"""Catalogues of others become drafts."""

from collections.abc import Mapping
from typing import Any

from catalogue.importer.tmf620 import Left, converted
from catalogue.importer.writing import KEYED
from catalogue.selectors import source_of
from catalogue.services.drafts import latest_release, open_draft_of
from commerce.accounts.identity import AccountContext


def open_draft_of_tmf620(
    context: AccountContext, *, name: str, export: Any, origin: str
) -> tuple[int, tuple[Left, ...]]:
    """Begin a draft of what is sold, with a TMF620 export beside it.

    Returns:
        The draft's id, and everything of the export that has no counterpart or was assumed.

    Raises:
        InvalidInput: `not_tmf620`.
    """
    found = converted(export)
    base = source_of()[1] if latest_release() is not None else {}
    data = _beside(base, found.data)
    return open_draft_of(context, name=name, data=data, origin=origin), found.left


def _beside(base: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Both catalogues in one; where both name a characteristic or category, ours stays."""
    data = dict(base)
    for section, content in added.items():
        if section in KEYED:
            data[section] = {**content, **data.get(section, {})}
        else:
            data[section] = [*data.get(section, []), *content]
    return data
