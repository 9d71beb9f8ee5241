"""`import_usage FILE --source SYSTEM`: take in what lines used, record by record."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from catalogue.management.files import FileCommand
from subscriptions.usage.services.usage_file import COLUMNS, import_usage

TOLD = 100
"""Records that are named at most."""


class Command(FileCommand):
    help = (
        f"Take in usage records (CSV: {';'.join(COLUMNS)}), each once however often it is told; "
        "those of lines that nobody knows are kept and named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", required=True, help="the system whose records they are")

    def handle(self, *args: Any, **options: Any) -> None:
        self.source: str = options["source"]
        super().handle(*args, **options)

    def take_in(self, text: str, *, file: str) -> Iterator[str]:
        done = list(import_usage(text, file=file, source=self.source))
        waiting = [fault for part in done for fault in part.suspended]
        refused = [fault for part in done for fault in part.refused]
        yield (
            f"{sum(part.added for part in done)} records are new, "
            f"{sum(part.same for part in done)} were known, "
            f"{sum(part.barred for part in done)} came more than a year late, "
            f"{len(waiting)} wait for their line, {len(refused)} were refused."
        )
        for fault in (*refused, *waiting)[:TOLD]:
            yield f"{file}:{fault.place}: {fault.field}: {fault.message}"
