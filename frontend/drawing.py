# ruff: noqa: E501  (paths of drawings stay on one line)
"""Pictures of what is sold, drawn from its data: every variant has its own and nothing is borrowed.

A drawing is described by a small mapping:
    form: bar, fold, flip, rugged (phones) or one of `frontend.drawing_goods.GOODS`
    camera: layout and number of lenses: dots1, dots2, dots3, stack2, ring3, square4, bar3
    colour, accent: like #8f7cff
    screen: punch, notch, island, none
    maker: gives phones of one maker one look; name: what a screen reader says
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.utils.safestring import SafeString

from frontend import svg
from frontend.drawing_cameras import cameras, lens, lens_paint
from frontend.drawing_goods import GOODS, parcel

WIDE, TALL = 100.0, 208.0
_KEPT = 1024
"""Pictures of about 5 KB each."""
_CAMERA = re.compile(r"(dots|stack|ring|square|bar)?(\d)?")


@dataclass(frozen=True, slots=True)
class Look:
    """What a drawing is made of, with every value checked."""

    form: str
    camera: str
    lenses: int
    colour: str
    accent: str
    screen: str
    family: int
    key: str


def look_of(spec: Mapping[str, Any], *, size: str) -> Look:
    """Whatever is missing or is no colour gets a quiet default: a picture never breaks a page."""
    colour = svg.colour_or(spec.get("colour"), "#8f7cff")
    matched = _CAMERA.fullmatch(str(spec.get("camera") or "dots2"))
    layout, count = (matched[1], matched[2]) if matched else (None, None)
    default = {"ring": 3, "bar": 3, "square": 4, "stack": 2}.get(layout or "", 2)
    parts = sorted((str(name), str(value)) for name, value in spec.items())
    return Look(
        form=str(spec.get("form") or "bar"),
        camera=layout or "dots",
        lenses=min(4, max(1, int(count) if count else default)),
        colour=colour,
        accent=svg.colour_or(spec.get("accent"), svg.mix(colour, "#ffb42e", 0.75)),
        screen=str(spec.get("screen") or "punch"),
        family=sha256(str(spec.get("maker") or "").encode()).digest()[0] % 4,
        key=svg.key_of(parts, size),
    )


def draw(spec: Mapping[str, Any], *, size: str = "card", decorative: bool = False) -> SafeString:
    """The whole picture as inline SVG; the same data give the same text, ids included."""
    return _drawn(tuple(spec.items()), size, decorative)


@lru_cache(maxsize=_KEPT)
def _drawn(data: tuple[tuple[str, Any], ...], size: str, decorative: bool) -> SafeString:
    spec = dict(data)
    if size not in ("small", "medium", "card", "hero"):
        size = "card"
    look = look_of(spec, size=size)
    phone = PHONES.get(look.form)
    box, inner = (0.0, 0.0, 240.0, 240.0), ""
    if phone:
        box, inner = phone(look, size == "small")
    else:
        inner = GOODS.get(look.form, parcel)(look.colour, look.accent, look.key, spec)
    name = "" if decorative else str(spec.get("name") or "")
    speech = 'aria-hidden="true"' if not name else 'role="img"'
    view = " ".join(svg.number(value) for value in box)
    opening = (
        f'<svg class="drawing drawing-{size}" viewBox="{view}" width="{svg.number(box[2])}" '
        f'height="{svg.number(box[3])}" {speech}>'
    )
    return svg.safe([opening, svg.title(name), inner, "</svg>"])


Box = tuple[float, float, float, float]


def _bar(look: Look, small: bool) -> tuple[Box, str]:
    if small:
        return (-3.0, -3.0, 106.0, 214.0), _front(look, WIDE, TALL)
    return (0.0, 0.0, 240.0, 240.0), _scene(look, [
        _at(29, 10, _back(look, WIDE, TALL)), _at(108, 22, _front(look, WIDE, TALL)),
    ], middle=122.0, half=104.0)  # fmt: skip


def _rugged(look: Look, small: bool) -> tuple[Box, str]:
    front, back = (
        _armour(look, "f") + _front(look, WIDE, TALL),
        _armour(look, "b") + _back(look, WIDE, TALL),
    )
    if small:
        return (-8.0, -9.0, 116.0, 226.0), front
    return (0.0, 0.0, 240.0, 240.0), _scene(
        look, [_at(26, 8, back), _at(110, 20, front)], middle=120.0, half=106.0
    )


def _fold(look: Look, small: bool) -> tuple[Box, str]:
    open_wide = _front(look, 168.0, 190.0, crease="upright")
    if small:
        return (-3.0, -3.0, 174.0, 196.0), open_wide
    return (0.0, 0.0, 240.0, 240.0), _scene(look, [
        _at(8, 18, _back(look, 90.0, 190.0)), _at(62, 34, open_wide),
    ], middle=126.0, half=112.0)  # fmt: skip


def _flip(look: Look, small: bool) -> tuple[Box, str]:
    tall = _front(look, 96.0, 212.0, crease="across")
    if small:
        return (-3.0, -3.0, 102.0, 218.0), tall
    return (0.0, 0.0, 240.0, 240.0), _scene(look, [
        _at(124, 14, tall), _at(22, 118, _folded(look)),
    ], middle=122.0, half=104.0)  # fmt: skip


PHONES: dict[str, Callable[[Look, bool], tuple[Box, str]]] = {
    "bar": _bar, "fold": _fold, "flip": _flip, "rugged": _rugged,
}  # fmt: skip


def _at(x: float, y: float, content: str) -> str:
    return f'<g transform="translate({svg.number(x)} {svg.number(y)})">{content}</g>'


def _scene(look: Look, things: list[str], *, middle: float, half: float) -> str:
    """Things on a floor: a soft shadow below them."""
    glow = (
        f'<radialGradient id="{look.key}s"><stop offset="0" stop-color="#15142b" stop-opacity=".34"/>'
        '<stop offset="1" stop-color="#15142b" stop-opacity="0"/></radialGradient>'
    )
    floor = svg.tag("ellipse", cx=middle, cy=229.0, rx=half, ry=8.5, fill=f"url(#{look.key}s)")
    return glow + floor + "".join(things)


def _radius(look: Look) -> float:
    return (19.0, 15.0, 12.0, 17.0)[look.family]


def _frame(look: Look, key: str) -> str:
    edge, shade = svg.lighter(look.colour, 0.45), svg.darker(look.colour, 0.45)
    return svg.gradient(
        key,
        (0, shade, 1),
        (0.12, edge, 1),
        (0.5, look.colour, 1),
        (0.88, edge, 1),
        (1, shade, 1),
        vertical=False,
    )


def _front(look: Look, wide: float, tall: float, *, crease: str = "") -> str:
    """The screen side: frame, glass, wallpaper with beams, camera hole, a glance of light."""
    key, radius = look.key + "f", _radius(look)
    inner = radius - 4.6
    deep = svg.darker(look.colour, 0.62)
    wall = svg.gradient(
        key + "w",
        (0, deep, 1),
        (0.52, look.colour, 1),
        (1, svg.lighter(look.accent, 0.12), 1),
        tilt=0.35,
    )
    clip = f'<clipPath id="{key}c">{svg.tag("rect", x=5.0, y=5.0, width=wide - 10, height=tall - 10, rx=inner)}</clipPath>'
    parts = [
        "<defs>", _frame(look, key + "e"), wall, clip, "</defs>",
        svg.tag("rect", x=wide - 1.2, y=tall * 0.26, width=2.6, height=tall * 0.14, rx=1.2, fill=svg.darker(look.colour, 0.35)),
        svg.tag("rect", x=wide - 1.2, y=tall * 0.44, width=2.6, height=tall * 0.07, rx=1.2, fill=svg.darker(look.colour, 0.35)),
        svg.tag("rect", width=wide, height=tall, rx=radius, fill=f"url(#{key}e)"),
        svg.tag("rect", x=1.6, y=1.6, width=wide - 3.2, height=tall - 3.2, rx=radius - 1.6, fill="#0c0b17"),
        f'<g clip-path="url(#{key}c)">',
        svg.tag("rect", x=5.0, y=5.0, width=wide - 10, height=tall - 10, fill=f"url(#{key}w)"),
        _beams(look, wide, tall),
        _crease(crease, wide, tall),
        svg.tag("path", d=f"M{svg.number(wide * 0.62)} 0H{svg.number(wide)}V{svg.number(tall * 0.42)}Z", fill="#ffffff", opacity=0.07),
        "</g>",
        _eye(look, wide, upright=crease == "upright"),
    ]  # fmt: skip
    return "".join(parts)


def _beams(look: Look, wide: float, tall: float) -> str:
    """Three beams that become one; each family lets them meet elsewhere."""
    x, y = ((0.98, 0.44), (0.5, 0.12), (0.86, 0.24), (0.5, 0.52))[look.family]
    meet = (wide * x, tall * y)
    light, warm, cool = svg.lighter(look.accent, 0.25), "#ff5c48", svg.lighter(look.colour, 0.6)
    starts = {
        0: [(-6.0, tall * 0.62), (-6.0, tall * 0.8), (-6.0, tall * 0.98)],
        1: [(wide * 0.05, tall), (wide * 0.5, tall), (wide * 0.95, tall)],
        2: [(-6.0, tall * 0.7), (wide * 0.3, tall + 4), (wide * 0.85, tall + 4)],
        3: [(-6.0, tall * 0.95), (wide * 0.5, tall + 4), (wide + 6, tall * 0.95)],
    }[look.family]
    parts = [svg.tag("circle", cx=meet[0], cy=meet[1], r=wide * 0.34, fill=light, opacity=0.22)]
    parts.append(svg.tag("circle", cx=meet[0], cy=meet[1], r=wide * 0.19, fill=light, opacity=0.5))
    for (sx, sy), colour, share in zip(starts, (warm, light, cool), (0.85, 0.95, 0.8), strict=True):
        half = wide * 0.105
        d = "M{} {}C{} {} {} {} {} {}C{} {} {} {} {} {}Z".format(*(
            svg.number(value) for value in (
                sx - half * 0.4, sy - half, (sx * 2 + meet[0]) / 3, sy - half * 1.4, meet[0], (meet[1] * 2 + sy) / 3,
                *meet, meet[0] + half * 0.2, (meet[1] + sy) / 2, (sx + meet[0]) / 2, sy + half * 0.6, sx + half * 1.3, sy + half * 1.5,
            )
        ))  # fmt: skip
        parts.append(svg.tag("path", d=d, fill=colour, opacity=share))
    return "".join(parts)


def _crease(crease: str, wide: float, tall: float) -> str:
    if crease == "upright":
        x = svg.number(wide / 2)
        return f'<path d="M{x} 0V{svg.number(tall)}" stroke="#0c0b17" stroke-opacity=".28" stroke-width="5"/><path d="M{x} 0V{svg.number(tall)}" stroke="#ffffff" stroke-opacity=".2" stroke-width="1"/>'
    if crease == "across":
        y = svg.number(tall / 2)
        return f'<path d="M0 {y}H{svg.number(wide)}" stroke="#0c0b17" stroke-opacity=".28" stroke-width="5"/><path d="M0 {y}H{svg.number(wide)}" stroke="#ffffff" stroke-opacity=".2" stroke-width="1"/>'
    return ""


def _eye(look: Look, wide: float, *, upright: bool) -> str:
    middle = wide * 0.75 if upright else wide / 2
    if look.screen == "none":
        return ""
    if look.screen == "notch":
        d = f"M{svg.number(middle - 20)} 4.4h40c-4 0-4 8-9 8h-22c-5 0-5-8-9-8z"
        return svg.tag("path", d=d, fill="#0c0b17")
    if look.screen == "island":
        return svg.tag(
            "rect", x=middle - 12, y=10.0, width=24.0, height=7.0, rx=3.5, fill="#0c0b17"
        )
    return svg.tag("circle", cx=middle, cy=13.5, r=3.6, fill="#0c0b17") + svg.tag(
        "circle", cx=middle - 0.9, cy=12.6, r=0.9, fill="#4d4a78"
    )


def _back(look: Look, wide: float, tall: float) -> str:
    """The back: a soft sheen of the colour, the cameras, the maker's small sign."""
    key, radius = look.key + "b", _radius(look)
    sheen = svg.gradient(
        key + "g", (0, svg.lighter(look.colour, 0.34), 1), (0.45, look.colour, 1),
        (1, svg.darker(look.colour, 0.3), 1), tilt=0.55,
    )  # fmt: skip
    outline = svg.lighter(look.colour, 0.55)
    parts = [
        "<defs>", sheen, _frame(look, key + "e"), lens_paint(key), "</defs>",
        svg.tag("rect", width=wide, height=tall, rx=radius, fill=f"url(#{key}e)"),
        svg.tag("rect", x=1.3, y=1.3, width=wide - 2.6, height=tall - 2.6, rx=radius - 1.3, fill=f"url(#{key}g)"),
        svg.tag("rect", x=1.8, y=1.8, width=wide - 3.6, height=tall - 3.6, rx=radius - 1.8, fill="none", stroke=outline, stroke_opacity=0.45, stroke_width=0.8),
        cameras(look.camera, look.lenses, colour=look.colour, wide=wide, key=key),
        _emblem(look, wide / 2 - (14 if wide > 95 else 18), tall * 0.62),
    ]  # fmt: skip
    return "".join(parts)


def _emblem(look: Look, x: float, y: float) -> str:
    """A sign of the maker's family, tone on tone."""
    tone = (
        svg.lighter(look.colour, 0.5)
        if svg.luminance(look.colour) < 0.6
        else svg.darker(look.colour, 0.28)
    )
    signs = (
        '<path d="M-8-5C0-5 1 0 9 0M-8 5C0 5 1 0 9 0M-8 0H9"/>',
        '<circle r="7"/><path d="M-7 0h14"/>',
        '<path d="m0-8 7.5 13h-15z"/>',
        '<path d="M-8 4a8 8 0 0 1 16 0M-3.500 4a3.500 3.500 0 0 1 7 0"/>',
    )
    place = f"translate({svg.number(x)} {svg.number(y)})"
    return (
        f'<g transform="{place}" fill="none" stroke="{tone}" stroke-width="2" stroke-linecap="round" '
        f'stroke-linejoin="round" opacity=".8">{signs[look.family]}</g>'
    )


def _folded(look: Look) -> str:
    """A flip phone closed: outer screen, two lenses, hinge."""
    key = look.key + "z"
    sheen = svg.gradient(
        key + "g",
        (0, svg.lighter(look.colour, 0.34), 1),
        (1, svg.darker(look.colour, 0.22), 1),
        tilt=0.5,
    )
    glass = svg.gradient(
        key + "w", (0, svg.darker(look.colour, 0.6), 1), (1, look.accent, 1), tilt=0.6
    )
    return "".join([
        "<defs>", sheen, glass, lens_paint(key), "</defs>",
        svg.tag("rect", width=100.0, height=108.0, rx=16.0, fill=f"url(#{key}g)"),
        svg.tag("rect", x=2.0, y=103.0, width=96.0, height=5.0, rx=2.5, fill=svg.darker(look.colour, 0.45)),
        svg.tag("rect", x=6.0, y=6.0, width=88.0, height=62.0, rx=11.0, fill="#0c0b17"),
        svg.tag("rect", x=8.0, y=8.0, width=84.0, height=58.0, rx=9.0, fill=f"url(#{key}w)"),
        '<path d="M8 52C40 52 52 34 92 34M8 60C40 60 52 34 92 34M8 44C40 44 52 34 92 34" fill="none" stroke="#ffffff" stroke-opacity=".55" stroke-width="2"/>',
        lens(22.0, 24.0, 9.0, key, rim="#0c0b17"), lens(44.0, 24.0, 9.0, key, rim="#0c0b17"),
        _emblem(look, 50.0, 86.0),
    ])  # fmt: skip


def _armour(look: Look, part: str) -> str:
    """Bumpers of a rugged phone: thick dark edge, corners in the accent colour."""
    dark = svg.darker(look.colour, 0.6)
    corners = "".join(
        svg.tag("rect", x=x, y=y, width=26.0, height=30.0, rx=9.0, fill=look.accent)
        for x, y in ((-6.0, -7.0), (80.0, -7.0), (-6.0, 185.0), (80.0, 185.0))
    )
    sides = "".join(
        svg.tag("rect", x=x, y=y, width=7.0, height=34.0, rx=3.0, fill=dark)
        for x in (-6.5, 99.5) for y in (58.0, 112.0)
    )  # fmt: skip
    body = svg.tag("rect", x=-4.0, y=-4.0, width=108.0, height=216.0, rx=18.0, fill=dark)
    return f'<g data-part="{part}">{corners}{sides}{body}</g>'
