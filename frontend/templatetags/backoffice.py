"""Tags of the back office's pages."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def at(values: Mapping[str, Any], name: str) -> Any:
    """What stands under a name that the template only knows as a value; empty if nothing does."""
    return values.get(name, "")
