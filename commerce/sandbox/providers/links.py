"""Texts in which addresses can be clicked."""

import re

from markupsafe import Markup, escape

ADDRESS = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")


def linked(text: str) -> Markup:
    """The text as HTML: escaped, with links, its line breaks kept by the style."""
    parts: list[Markup] = []
    end = 0
    for found in ADDRESS.finditer(text):
        parts += [
            escape(text[end : found.start()]),
            Markup('<a href="{0}">{0}</a>').format(found.group()),
        ]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
