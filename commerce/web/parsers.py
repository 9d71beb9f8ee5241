"""Bodies that are not JSON."""

from collections.abc import Mapping
from email.message import Message
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

CHARSETS = {"utf-8": "utf-8-sig", "iso-8859-1": "cp1252", "windows-1252": "cp1252"}


class Csv(BaseParser):
    """A table as text; UTF-8 unless the media type says ISO-8859-1 or Windows-1252."""

    media_type = "text/csv"

    def parse(  # type: ignore[override]
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> str:
        """The text. Raises ParseError for an unknown charset or bytes that are none of it."""
        named = _charset(media_type or "")
        if named not in CHARSETS:
            raise ParseError(_("Use UTF-8, ISO-8859-1 or Windows-1252."), code="csv_charset")
        body: bytes = stream.read()
        try:
            return body.decode(CHARSETS[named])
        except UnicodeDecodeError:
            raise ParseError(_("The table is not UTF-8 text."), code="csv_charset") from None


def _charset(media_type: str) -> str:
    message = Message()
    message["Content-Type"] = media_type
    return str(message.get_param("charset") or "utf-8").lower()
