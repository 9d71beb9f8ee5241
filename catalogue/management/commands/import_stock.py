"""`import_stock FILE`: set what partners have, or say what is wrong with the file."""

from collections.abc import Iterator

from catalogue.management.files import FileCommand
from catalogue.selectors import current_snapshot
from catalogue.services.stock_import import COLUMNS, import_stock


class Command(FileCommand):
    help = f"Set the stock of partners (CSV: {';'.join(COLUMNS)}): all of it, or nothing."

    def take_in(self, text: str, *, file: str) -> Iterator[str]:
        done = import_stock(text, file=file, catalogue=current_snapshot())
        yield f"{done.added} records are new, {done.changed} changed, {done.same} were so already."
        if done.ended:
            yield f"No longer on sale: {', '.join(done.ended)}."
