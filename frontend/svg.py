"""Small helpers to write SVG as text: numbers, colours, escaped attributes. Pure."""

import hashlib
import re
from collections.abc import Iterable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def colour_or(value: object, fallback: str) -> str:
    """`value` if it is a colour like #8f7cff, else `fallback`; nothing else gets through."""
    text = str(value or "")
    return text.lower() if _HEX.fullmatch(text) else fallback


def mix(first: str, second: str, share: float) -> str:
    """The colour `share` (0 to 1) of the way from `first` to `second`."""
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def lighter(colour: str, share: float) -> str:
    return mix(colour, "#ffffff", share)


def darker(colour: str, share: float) -> str:
    return mix(colour, "#0b0a1c", share)


def luminance(colour: str) -> float:
    """Perceived lightness from 0 (black) to 1 (white), good enough to choose a line colour."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def number(value: float) -> str:
    """At most two decimals, no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tag(name: str, content: str = "", **attributes: object) -> str:
    """`<name a="b">content</name>`; `_` in names becomes `-`, floats are shortened.

    Values are escaped; `content` must be markup already.
    """
    parts = []
    for key, value in attributes.items():
        if value is None:
            continue
        text = number(value) if isinstance(value, float) else escape(str(value))
        parts.append(f' {key.rstrip("_").replace("_", "-") if key != "viewBox" else key}="{text}"')
    opening = f"<{name}{''.join(parts)}"
    return f"{opening}>{content}</{name}>" if content else f"{opening}/>"


def gradient(
    key: str, *stops: tuple[float, str, float], vertical: bool = True, tilt: float = 0
) -> str:
    """A linear gradient; stops are (offset, colour, opacity)."""
    inner = "".join(
        f'<stop offset="{number(offset)}" stop-color="{colour}"'
        + (f' stop-opacity="{number(opacity)}"' if opacity < 1 else "")
        + "/>"
        for offset, colour, opacity in stops
    )
    x2, y2 = (tilt, 1.0) if vertical else (1.0, tilt)
    return (
        f'<linearGradient id="{key}" x2="{number(x2)}" y2="{number(y2)}">{inner}</linearGradient>'
    )


def key_of(*parts: object) -> str:
    """A short id that depends on nothing but `parts`: the same drawing has the same ids always."""
    return "d" + hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def safe(parts: Iterable[str]) -> SafeString:
    """Join markup made by this module's helpers, whose every attribute and text is escaped."""
    return mark_safe("".join(parts))  # noqa: S308
