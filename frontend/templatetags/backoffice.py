"""Tags of the back office's pages."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext

from commerce.kernel.sentences import in_words

register = template.Library()


@register.filter
def told(message: str) -> str:
    """What is wrong, in the reader's language."""
    return str(in_words(message, gettext))


@register.filter
def at(values: Mapping[str, Any], name: str) -> Any:
    """What stands under a name that the template only knows as a value; empty if nothing does."""
    return values.get(name, "")
