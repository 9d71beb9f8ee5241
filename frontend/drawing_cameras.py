"""Cameras on the back of a phone: islands and lenses in the layouts that makers like."""

from typing import Any

from frontend import svg

Spots = list[tuple[float, float]]

_AROUND: dict[int, Spots] = {
    1: [(0.0, 0.0)],
    2: [(-11.0, 0.0), (11.0, 0.0)],
    3: [(0.0, -12.5), (-11.0, 7.0), (11.0, 7.0)],
    4: [(-10.0, -10.0), (10.0, -10.0), (-10.0, 10.0), (10.0, 10.0)],
}
_SQUARE: dict[int, Spots] = {
    1: [(33.0, 33.0)],
    2: [(22.0, 22.0), (44.0, 44.0)],
    3: [(22.0, 22.0), (22.0, 44.0), (44.0, 33.0)],
    4: [(22.0, 22.0), (22.0, 44.0), (44.0, 22.0), (44.0, 44.0)],
}

_EDGE: dict[str, Any] = {"stroke": "#ffffff", "stroke_opacity": 0.3, "stroke_width": 1.0}


def cameras(layout: str, lenses: int, *, colour: str, wide: float, key: str) -> str:
    """`lenses` (1 to 4) in the `layout` bar, ring, square, stack or dots."""
    island, rim = svg.darker(colour, 0.3), svg.darker(colour, 0.5)
    if layout == "bar":
        spots = [(22.0 + index * 18.0, 37.5) for index in range(lenses)]
        base = svg.tag("rect", x=1.3, y=24.0, width=wide - 2.6, height=27.0, fill=island)
        shine = svg.tag(
            "rect", x=1.3, y=24.0, width=wide - 2.6, height=1.2, fill="#ffffff", opacity=0.28
        )
        return base + shine + _lenses(spots, 8.2, key, rim) + _flash(wide - 12, 37.5)
    if layout == "ring":
        middle, size = wide / 2, 15.0 if lenses == 1 else 9.2
        base = svg.tag("circle", cx=middle, cy=44.0, r=27.0, fill=island, **_EDGE)
        return base + _lenses([(middle + x, 44.0 + y) for x, y in _AROUND[lenses]], size, key, rim)
    if layout == "square":
        base = svg.tag("rect", x=9.0, y=9.0, width=48.0, height=48.0, rx=14.0, fill=island, **_EDGE)
        return (
            base
            + _lenses(_SQUARE[lenses], 9.0, key, rim)
            + _flash(45.0, 17.5 if lenses == 3 else 33.0)
        )
    if layout == "stack":
        spots = [(23.5, 24.0 + index * 22.5) for index in range(lenses)]
        high = 12.0 + lenses * 23.0
        base = svg.tag("rect", x=9.0, y=9.0, width=29.0, height=high, rx=14.5, fill=island, **_EDGE)
        return base + _lenses(spots, 9.5, key, rim) + _flash(47.0, 23.0)
    spots = [(22.0, 23.0 + index * 25.0) for index in range(lenses)]
    return _lenses(spots, 10.5, key, rim) + _flash(42.0, 23.0)


def lens_paint(key: str) -> str:
    """The glass of every lens that is drawn with the same `key`."""
    return (
        f'<radialGradient id="{key}l" cx=".38" cy=".34" r=".75">'
        '<stop offset="0" stop-color="#6a66a8"/><stop offset=".38" stop-color="#232145"/>'
        '<stop offset="1" stop-color="#0b0a18"/></radialGradient>'
    )


def lens(x: float, y: float, radius: float, key: str, *, rim: str) -> str:
    glint = radius * 0.28
    return (
        svg.tag("circle", cx=x, cy=y, r=radius, fill=rim)
        + svg.tag("circle", cx=x, cy=y, r=radius * 0.8, fill=f"url(#{key}l)")
        + svg.tag(
            "circle", cx=x - glint, cy=y - glint, r=radius * 0.16, fill="#ffffff", opacity=0.85
        )
    )


def _lenses(spots: Spots, radius: float, key: str, rim: str) -> str:
    return "".join(lens(x, y, radius, key, rim=rim) for x, y in spots)


def _flash(x: float, y: float) -> str:
    return svg.tag("circle", cx=x, cy=y, r=2.5, fill=svg.lighter("#ffb42e", 0.6))
