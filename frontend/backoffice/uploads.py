"""Files that the back office is sent."""

from django.http import HttpRequest

from catalogue.importer.sources import CatalogueInvalid, Problem
from commerce.kernel.sentences import Sentence


def uploaded_text(request: HttpRequest, *, most: int, name: str) -> tuple[str, str]:
    """The name and text of the posted `file`: UTF-8, or what spreadsheets write instead.

    Raises:
        CatalogueInvalid: there is none, or it has more than `most` bytes.
    """
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list):
        raise CatalogueInvalid([Problem(name, 1, "file", Sentence("Choose a file."))])
    name = str(sent.name or name)[:80]
    raw = sent.read(most + 1)
    if len(raw) > most:
        raise CatalogueInvalid(
            [Problem(name, 1, "file", Sentence("At most %(most)s bytes.", most=most))]
        )
    try:
        return name, raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return name, raw.decode("cp1252", errors="replace")
