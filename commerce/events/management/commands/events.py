"""The events that webhooks tell, as the table in docs/events.md."""

from pathlib import Path
from typing import Any, get_type_hints

from django.conf import settings
from django.core.management.base import BaseCommand

from commerce.events.registry import ToldOutside, told_outside

BEGIN, END = "<!-- events -->\n", "<!-- /events -->"


def table() -> str:
    """One row for each event: its name, whom it is told to, what it carries, what it means."""
    rows = [_row(told) for told in sorted(told_outside().values(), key=lambda told: told.name)]
    return "\n".join(["| event | told to | carries | means |", "|---|---|---|---|", *rows, ""])


def with_table(document: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = document.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _row(told: ToldOutside) -> str:
    whom = "firms, operator" if told.to_party else "operator"
    whom += " (on request)" if told.on_request else ""
    carries = ", ".join(f"`{name}`" for name in get_type_hints(told.event))
    means = " ".join((told.event.__doc__ or "").split())
    return f"| `{told.name}` | {whom} | {carries} | {means} |"


class Command(BaseCommand):
    help = "Write the table of events into docs/events.md."

    def handle(self, *args: Any, **options: Any) -> None:
        document = Path(settings.BASE_DIR) / "docs" / "events.md"
        document.write_text(with_table(document.read_text(encoding="utf-8")), encoding="utf-8")
