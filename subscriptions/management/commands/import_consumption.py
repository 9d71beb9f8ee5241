"""`import_consumption FILE`: take in what lines used, or say what is wrong with the file."""

from collections.abc import Iterator

from catalogue.management.files import FileCommand
from subscriptions.usage.services.consumption_file import COLUMNS, import_consumption


class Command(FileCommand):
    help = f"Take in what lines used (CSV: {';'.join(COLUMNS)}): all of it, or nothing."

    def take_in(self, text: str, *, file: str) -> Iterator[str]:
        done = import_consumption(text, file=file)
        yield (
            f"{done.added} records are new, {done.replaced} replaced an earlier count, "
            f"{done.same} changed nothing."
        )
