"""Collects what the pages say and keeps its French beside it, without the gettext programs."""

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from frontend.typography import set_text

KEYWORDS: dict[str, Any] = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
    "Sentence": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2),
}  # fmt: skip


def collect(root: Path, folders: Iterable[str]) -> Catalog:
    """A catalog of all msgids in templates and Python files of `folders` below `root`."""
    catalog = Catalog(locale="fr", project="Faisceau")
    for path in _sources(root, folders):
        name = str(path.relative_to(root))
        text = path.read_text(encoding="utf-8")
        code = _as_python(text, name) if path.suffix == ".html" else text
        for line, message, _comments, context in extract(
            "python", io.BytesIO(code.encode()), keywords=KEYWORDS, comment_tags=()
        ):
            flags = ("python-format",) if "%(" in str(message) else ()
            catalog.add(message, None, [(name, line)], flags=flags, context=context)
    return catalog


def _as_python(template: str, name: str) -> str:
    """Django's translation of a template into lines that a Python tokenizer can read."""
    return "\n".join(line.lstrip() for line in templatize(template, origin=name).splitlines())


def _sources(root: Path, folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        for pattern in ("*.html", "*.py"):
            for path in sorted((root / folder).rglob(pattern)):
                if "migrations" not in path.parts and "sandbox" not in path.parts:
                    yield path


def merge(found: Catalog, known: Path, *, prune: bool = False) -> Catalog:
    """The found msgids with the French of `known` (a .po file); `prune` drops what nobody says."""
    if not known.exists():
        return found
    with known.open("rb") as file:
        earlier = read_po(file, locale="fr")
    for message in earlier:
        if not message.id or not message.string:
            continue
        said = found.get(message.id, message.context)
        if said is not None:
            said.string = message.string
        elif not prune:
            found.add(message.id, message.string, context=message.context, flags=message.flags)
    return found


def write(catalog: Catalog, path: Path) -> None:
    """The .po for people and the .mo for Django, without dates: they change only with texts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog.revision_date = catalog.creation_date
    with path.open("wb") as file:
        write_po(file, catalog, width=100, sort_output=True, omit_header=True, no_location=True)
    compiled(path)


def compiled(path: Path) -> None:
    """What Django reads, beside the .po at `path`: whoever reads meanwhile sees old or new."""
    with path.open("rb") as file:
        catalog = read_po(file, locale="fr")
    fresh = path.with_suffix(f".{os.getpid()}.mo")
    with fresh.open("wb") as compiled_file:
        write_mo(compiled_file, catalog)
    fresh.replace(path.with_suffix(".mo"))


def brought_up_to_date(path: Path) -> None:
    """Compile the .po at `path` if it is younger than what Django reads."""
    read = path.with_suffix(".mo")
    if not read.exists() or read.stat().st_mtime_ns < path.stat().st_mtime_ns:
        compiled(path)


def faults(catalog: Catalog) -> list[str]:
    """One sentence for each text without French, or whose French lacks its typographic spaces."""
    return [fault for message in catalog if message.id for fault in _faults_of(message)]


def _faults_of(message: Message) -> Iterator[str]:
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    for string in strings:
        if not string:
            yield f"no French for {message.id!r}"
        elif "!" in string:
            yield f"an exclamation mark in {string!r}"
        elif set_text(string, language="fr") != string:
            yield f"typographic spaces or apostrophes are missing in {string!r}"


def set_all(catalog: Catalog) -> None:
    """Set every French text in French typography."""
    for message in catalog:
        if not message.id:
            continue
        if isinstance(message.string, list | tuple):
            message.string = tuple(set_text(string, language="fr") for string in message.string)
        elif message.string:
            message.string = set_text(message.string, language="fr")
