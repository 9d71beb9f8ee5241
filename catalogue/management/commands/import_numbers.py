"""`import_numbers FILE`: add ranges of telephone numbers to the pool, or say what is wrong."""

from collections.abc import Iterator

from catalogue.management.files import FileCommand
from catalogue.selectors import current_snapshot
from catalogue.services.number_import import import_numbers


class Command(FileCommand):
    help = "Add ranges of numbers (CSV: first;last;class) to the pool: all of them, or none."

    def take_in(self, text: str, *, file: str) -> Iterator[str]:
        added = import_numbers(text, file=file, catalogue=current_snapshot())
        yield f"{added} numbers are new."
