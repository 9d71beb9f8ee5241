# ruff: noqa: E501  (paths of drawings stay on one line)
"""Pictures of accessories, cards, services and plans on a field of 240 by 240."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.html import escape

from frontend import svg

Painter = Callable[[str, str, str, Mapping[str, Any]], str]


def _sheen(key: str, colour: str) -> str:
    return "<defs>" + svg.gradient(
        key, (0, svg.lighter(colour, 0.32), 1), (0.5, colour, 1), (1, svg.darker(colour, 0.32), 1), tilt=0.5
    ) + "</defs>"  # fmt: skip


def _floor(key: str, half: float = 84.0, y: float = 214.0) -> str:
    return (
        f'<radialGradient id="{key}s"><stop offset="0" stop-color="#15142b" stop-opacity=".3"/>'
        '<stop offset="1" stop-color="#15142b" stop-opacity="0"/></radialGradient>'
        + svg.tag("ellipse", cx=120.0, cy=y, rx=half, ry=8.0, fill=f"url(#{key}s)")
    )


def _beams(
    x: float, y: float, wide: float, high: float, *, colours: tuple[str, str, str], weight: float
) -> str:
    """The three lines that become one, in a box."""
    upper, lower, end = y, y + high, x + wide
    middle = y + high / 2
    bend = wide * 0.42
    lines = []
    for start, colour in zip((upper, lower, middle), colours, strict=True):
        points = (x, start, x + bend, start, x + bend * 1.15, middle, end, middle)
        d = "M{} {}C{} {} {} {} {} {}".format(*(svg.number(value) for value in points))
        lines.append(
            svg.tag(
                "path", d=d, fill="none", stroke=colour, stroke_width=weight, stroke_linecap="round"
            )
        )
    return "".join(lines)


def sim(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    chip = svg.gradient(key + "c", (0, "#ffe0a0", 1), (1, "#e0a030", 1), tilt=0.6)
    return (
        _floor(key, 70)
        + _sheen(key, colour)
        + f"<defs>{chip}</defs>"
        + (
            f'<g transform="rotate(-7 120 120)"><path d="M66 34h76l34 34v126a14 14 0 0 1-14 14H66a14 14 0 0 1-14-14V48a14 14 0 0 1 14-14z" fill="url(#{key})"/>'
            f'<rect x="78" y="104" width="68" height="58" rx="11" fill="url(#{key}c)"/>'
            '<path d="M78 124h20v18H78M146 124h-20v18h20M98 104v58M126 104v58" fill="none" stroke="#7a4b00" stroke-opacity=".55" stroke-width="2"/>'
            + _beams(70, 56, 62, 26, colours=("#ff5c48", accent, "#ffffff"), weight=4.5)
            + "</g>"
        )
    )


def esim(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    pins = "".join(
        f'<path d="M{x} 46v16M{x} 178v16M46 {x}h16M178 {x}h16"/>' for x in (84, 108, 132, 156)
    )
    return (
        _floor(key, 80)
        + _sheen(key, colour)
        + (
            f'<g stroke="{svg.darker(colour, 0.25)}" stroke-width="7" stroke-linecap="round">{pins}</g>'
            f'<rect x="58" y="58" width="124" height="124" rx="24" fill="url(#{key})"/>'
            '<rect x="66" y="66" width="108" height="108" rx="18" fill="none" stroke="#ffffff" stroke-opacity=".3" stroke-width="1.5"/>'
            + _beams(84, 98, 72, 44, colours=("#ff5c48", accent, "#ffffff"), weight=7)
        )
    )


def case(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    inside = svg.darker(colour, 0.42)
    return (
        _floor(key, 64)
        + _sheen(key, colour)
        + (
            f'<rect x="66" y="18" width="108" height="196" rx="24" fill="url(#{key})"/>'
            f'<rect x="72" y="24" width="96" height="184" rx="18" fill="{svg.mix(colour, inside, 0.16)}"/>'
            f'<rect x="78" y="32" width="40" height="52" rx="16" fill="{inside}"/>'
            f'<rect x="81" y="35" width="34" height="46" rx="13" fill="none" stroke="#ffffff" stroke-opacity=".25" stroke-width="1.5"/>'
            + _beams(
                86,
                150,
                68,
                30,
                colours=(svg.lighter(colour, 0.35), accent, svg.lighter(colour, 0.6)),
                weight=4,
            )
            + f'<rect x="172" y="82" width="4" height="30" rx="2" fill="{inside}"/>'
        )
    )


def charger(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    pin = "#b9b6c8"
    return (
        _floor(key, 78)
        + _sheen(key, colour)
        + (
            f'<rect x="92" y="26" width="13" height="44" rx="6.500" fill="{pin}"/><rect x="135" y="26" width="13" height="44" rx="6.500" fill="{pin}"/>'
            f'<rect x="62" y="62" width="116" height="128" rx="28" fill="url(#{key})"/>'
            '<rect x="68" y="68" width="104" height="116" rx="23" fill="none" stroke="#ffffff" stroke-opacity=".35" stroke-width="1.5"/>'
            f'<rect x="98" y="158" width="44" height="15" rx="7.500" fill="{svg.darker(colour, 0.7)}"/><rect x="107" y="164" width="26" height="3.500" rx="1.700" fill="{svg.darker(colour, 0.2)}"/>'
            f'<path d="m126 90-22 34h15l-6 24 24-36h-16z" fill="{accent}"/>'
        )
    )


def earbuds(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    dark = svg.darker(colour, 0.45)
    bud = (
        f'<path d="M-10 4C-8-24 22-26 26-4c2 12-6 20-14 22l2 40a8 8 0 0 1-16 0z" fill="url(#{key})"/>'
        f'<ellipse cx="17" cy="-2" rx="9" ry="11" fill="{dark}"/><circle cx="2" cy="30" r="3" fill="{accent}"/>'
    )
    return (
        _floor(key, 92)
        + _sheen(key, colour)
        + (
            f'<g transform="translate(84 52)">{bud}</g><g transform="translate(156 52) scale(-1 1)">{bud}</g>'
            f'<rect x="48" y="134" width="144" height="78" rx="38" fill="url(#{key})"/>'
            f'<path d="M50 160h140" stroke="{dark}" stroke-width="2"/><path d="M106 134h28v6a6 6 0 0 1-6 6h-16a6 6 0 0 1-6-6z" fill="{dark}" opacity=".35"/>'
            f'<circle cx="120" cy="180" r="4" fill="{accent}"/>'
        )
    )


def headphones(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    dark = svg.darker(colour, 0.5)
    return (
        _floor(key, 84)
        + _sheen(key, colour)
        + (
            f'<path d="M52 146V120a68 68 0 0 1 136 0v26" fill="none" stroke="{dark}" stroke-width="13"/>'
            f'<path d="M58 118a62 62 0 0 1 124 0" fill="none" stroke="url(#{key})" stroke-width="9"/>'
            f'<rect x="36" y="128" width="42" height="80" rx="20" fill="url(#{key})"/><rect x="162" y="128" width="42" height="80" rx="20" fill="url(#{key})"/>'
            f'<rect x="74" y="136" width="15" height="64" rx="7" fill="{dark}"/><rect x="151" y="136" width="15" height="64" rx="7" fill="{dark}"/>'
            f'<circle cx="55" cy="168" r="7" fill="{accent}"/><circle cx="185" cy="168" r="7" fill="{accent}"/>'
        )
    )


def watch(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    strap = svg.mix(colour, accent, 0.2)
    return (
        _floor(key, 58, 226)
        + _sheen(key, svg.darker(colour, 0.1))
        + (
            f'<path d="M88 84 96 14h48l8 70zM88 156l8 70h48l8-70z" fill="{strap}"/>'
            f'<rect x="68" y="64" width="104" height="112" rx="34" fill="url(#{key})"/><rect x="171" y="104" width="8" height="24" rx="4" fill="{svg.darker(colour, 0.4)}"/>'
            '<rect x="75" y="71" width="90" height="98" rx="28" fill="#0c0b17"/>'
            f'<circle cx="120" cy="120" r="33" fill="none" stroke="#34324f" stroke-width="7"/><path d="M120 87a33 33 0 1 1-28.600 49.500" fill="none" stroke="{accent}" stroke-width="7" stroke-linecap="round"/>'
            '<circle cx="120" cy="120" r="21" fill="none" stroke="#34324f" stroke-width="6"/><path d="M120 99a21 21 0 0 1 18 32" fill="none" stroke="#ff5c48" stroke-width="6" stroke-linecap="round"/>'
            '<path d="M120 120v-11M120 120l8 5" stroke="#ffffff" stroke-width="3.500" stroke-linecap="round"/>'
        )
    )


def cable(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    dark = svg.darker(colour, 0.4)
    plug = f'<rect x="-13" y="0" width="26" height="40" rx="8" fill="url(#{key})"/><rect x="-8" y="-17" width="16" height="18" rx="3" fill="#b9b6c8"/><path d="M-3-12h6" stroke="#6f6d86" stroke-width="2"/>'
    return (
        _floor(key, 84)
        + _sheen(key, colour)
        + (
            f'<path d="M60 92C60 214 176 60 180 148c2 44-104 60-104 8s92-20 104-64" fill="none" stroke="{dark}" stroke-width="11" stroke-linecap="round"/>'
            f'<path d="M60 92C60 214 176 60 180 148c2 44-104 60-104 8s92-20 104-64" fill="none" stroke="{svg.lighter(colour, 0.1)}" stroke-width="7" stroke-linecap="round"/>'
            f'<path d="M72 168c6 22 46 20 74 8" fill="none" stroke="{accent}" stroke-width="3" stroke-linecap="round" stroke-dasharray="1 9"/>'
            f'<g transform="translate(60 54)">{plug}</g><g transform="translate(180 54)">{plug}</g>'
        )
    )


def powerbank(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    lights = "".join(
        f'<circle cx="{96 + index * 16}" cy="186" r="4" fill="{accent if index < 3 else svg.darker(colour, 0.4)}"/>'
        for index in range(4)
    )
    return (
        _floor(key, 66)
        + _sheen(key, colour)
        + (
            f'<rect x="64" y="30" width="112" height="184" rx="26" fill="url(#{key})"/>'
            '<rect x="70" y="36" width="100" height="172" rx="21" fill="none" stroke="#ffffff" stroke-opacity=".32" stroke-width="1.500"/>'
            f'<rect x="104" y="30" width="32" height="9" rx="4" fill="{svg.darker(colour, 0.7)}"/>{lights}'
            + _beams(
                86,
                92,
                68,
                48,
                colours=(svg.lighter(colour, 0.4), accent, svg.lighter(colour, 0.7)),
                weight=6,
            )
        )
    )


def glass(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    pane = svg.gradient(
        key + "p",
        (0, "#ffffff", 0.95),
        (0.5, svg.lighter(colour, 0.75), 0.75),
        (1, svg.lighter(colour, 0.45), 0.85),
        tilt=0.6,
    )
    return (
        _floor(key, 70)
        + f"<defs>{pane}</defs>"
        + (
            f'<g transform="rotate(7 120 120)"><rect x="58" y="28" width="96" height="180" rx="18" fill="{svg.darker(colour, 0.75)}"/><rect x="63" y="33" width="86" height="170" rx="13" fill="{svg.darker(colour, 0.5)}"/></g>'
            f'<g transform="rotate(-5 120 120)"><rect x="86" y="22" width="96" height="180" rx="18" fill="url(#{key}p)" stroke="{svg.lighter(colour, 0.35)}" stroke-width="2.500"/>'
            '<path d="M100 92 150 42M100 124l68-68M116 178l52-52" stroke="#ffffff" stroke-opacity=".85" stroke-width="5" stroke-linecap="round"/>'
            f'<circle cx="134" cy="36" r="4" fill="none" stroke="{svg.lighter(colour, 0.2)}" stroke-width="2"/></g>'
            f'<path d="m170 152 22 8v18c0 15-10 24-22 29-12-5-22-14-22-29v-18z" fill="{accent}"/><path d="m160 180 8 8 13-16" fill="none" stroke="#15142b" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"/>'
        )
    )


def holder(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    dark = svg.darker(colour, 0.45)
    return (
        _floor(key, 62)
        + _sheen(key, colour)
        + (
            f'<path d="M120 130v50" stroke="{dark}" stroke-width="16" stroke-linecap="round"/><path d="M78 208h84l-14-30H92z" fill="url(#{key})"/>'
            f'<rect x="76" y="26" width="88" height="128" rx="14" fill="#0c0b17"/><rect x="80" y="30" width="80" height="120" rx="11" fill="{svg.lighter(colour, 0.72)}"/>'
            f'<path d="M80 118c30-6 30-46 80-52v73a11 11 0 0 1-11 11H91a11 11 0 0 1-11-11z" fill="{svg.lighter(colour, 0.5)}"/><path d="M92 134c24-6 30-44 46-58" fill="none" stroke="{accent}" stroke-width="6" stroke-linecap="round"/><circle cx="140" cy="70" r="8" fill="#ff5c48"/>'
            f'<path d="M70 64h12v52H70a8 8 0 0 1-8-8V72a8 8 0 0 1 8-8zM158 64h12a8 8 0 0 1 8 8v36a8 8 0 0 1-8 8h-12z" fill="url(#{key})"/><path d="M92 146h56v12a8 8 0 0 1-8 8h-40a8 8 0 0 1-8-8z" fill="{dark}"/>'
        )
    )


def speaker(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.600"/>'
        for row, y in enumerate(range(92, 190, 13))
        for x in range(74 + (row % 2) * 6, 170, 12)
    )
    return (
        _floor(key, 76)
        + _sheen(key, colour)
        + (
            f'<rect x="58" y="40" width="124" height="172" rx="52" fill="url(#{key})"/>'
            f'<g fill="{svg.darker(colour, 0.5)}" opacity=".6">{dots}</g><ellipse cx="120" cy="62" rx="40" ry="13" fill="{svg.darker(colour, 0.35)}"/>'
            f'<path d="M104 62h12M110 56v12M126 62h12" stroke="{svg.lighter(colour, 0.6)}" stroke-width="3" stroke-linecap="round"/><path d="M180 70c10-14 18-16 24-34" fill="none" stroke="{accent}" stroke-width="6" stroke-linecap="round"/>'
        )
    )


def _tile(colour: str, key: str, sign: str) -> str:
    """A service has no body: a tile with its sign."""
    return (
        _floor(key, 78)
        + _sheen(key, colour)
        + (
            f'<rect x="46" y="40" width="148" height="148" rx="40" fill="url(#{key})"/>'
            '<rect x="53" y="47" width="134" height="134" rx="34" fill="none" stroke="#ffffff" stroke-opacity=".28" stroke-width="1.500"/>'
            + sign
        )
    )


def music(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    bars = "".join(
        f'<path d="M{x} {114 - h / 2}v{h}" stroke="{c}" stroke-width="11" stroke-linecap="round"/>'
        for x, h, c in (
            (82, 26, "#ffffff"),
            (101, 62, accent),
            (120, 40, "#ffffff"),
            (139, 78, accent),
            (158, 30, "#ffffff"),
        )
    )
    return _tile(colour, key, bars)


def video(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    return _tile(colour, key, (
        '<rect x="74" y="80" width="92" height="66" rx="12" fill="#ffffff"/>'
        f'<path d="M110 97v32l28-16z" fill="{svg.darker(colour, 0.3)}" stroke="{svg.darker(colour, 0.3)}" stroke-width="5" stroke-linejoin="round"/><path d="M96 160h48" stroke="{accent}" stroke-width="7" stroke-linecap="round"/>'
    ))  # fmt: skip


def cloud(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    return _tile(colour, key, (
        '<path d="M92 146a24 24 0 0 1-3-47.800 34 34 0 0 1 65.600 6.200A21 21 0 0 1 152 146z" fill="#ffffff"/>'
        f'<path d="M120 136v-26M109 119l11-11 11 11" fill="none" stroke="{accent}" stroke-width="7" stroke-linecap="round" stroke-linejoin="round"/>'
    ))  # fmt: skip


def press(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    ink = svg.darker(colour, 0.35)
    return _tile(colour, key, (
        '<path d="M80 74h66v84H88a8 8 0 0 1-8-8z" fill="#ffffff"/><path d="M146 94h14v56a8 8 0 0 1-14 6z" fill="#ffffff" opacity=".7"/>'
        f'<rect x="90" y="84" width="46" height="10" rx="3" fill="{ink}"/><rect x="90" y="102" width="21" height="20" rx="3" fill="{accent}"/><path d="M118 105h18M118 113h18M118 121h12M90 133h46M90 142h34" stroke="{ink}" stroke-width="3.500" stroke-linecap="round" opacity=".7"/>'
    ))  # fmt: skip


def shield(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    return _tile(colour, key, (
        '<path d="m120 68 38 14v30c0 26-17 41-38 50-21-9-38-24-38-50V82z" fill="#ffffff"/>'
        f'<path d="m103 114 13 13 22-27" fill="none" stroke="{accent}" stroke-width="9" stroke-linecap="round" stroke-linejoin="round"/>'
    ))  # fmt: skip


def travel(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    return _tile(colour, key, (
        '<circle cx="120" cy="114" r="42" fill="none" stroke="#ffffff" stroke-width="6"/><ellipse cx="120" cy="114" rx="18" ry="42" fill="none" stroke="#ffffff" stroke-width="4"/><path d="M78 114h84M85 92h70M85 136h70" stroke="#ffffff" stroke-width="4"/>'
        f'<circle cx="152" cy="84" r="13" fill="{accent}"/>'
    ))  # fmt: skip


def data(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    return _tile(colour, key, (
        '<path d="M84 130v24M106 112v42M128 92v62" stroke="#ffffff" stroke-width="13" stroke-linecap="round"/>'
        f'<path d="M154 74v32M138 90h32" stroke="{accent}" stroke-width="9" stroke-linecap="round"/>'
    ))  # fmt: skip


def plan(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    figure, unit = str(spec.get("figure") or ""), str(spec.get("unit") or "")
    text = ""
    if figure:
        text = (
            f'<text x="120" y="170" text-anchor="middle" font-family="Bricolage, sans-serif" font-weight="700" font-size="52" letter-spacing="-2" fill="#ffffff">{escape(figure)}'
            f'<tspan font-size="24" dx="6" letter-spacing="0">{escape(unit)}</tspan></text>'
        )
    return (
        _floor(key, 92)
        + _sheen(key, colour)
        + (
            f'<rect x="32" y="42" width="176" height="156" rx="30" fill="url(#{key})"/>'
            + _beams(58, 72, 124, 44, colours=("#ff5c48", accent, "#ffffff"), weight=7)
            + text
        )
    )


def parcel(colour: str, accent: str, key: str, spec: Mapping[str, Any]) -> str:
    """For whatever has no picture of its own."""
    return _floor(key, 84) + (
        f'<path d="m120 34 78 38v94l-78 42-78-42V72z" fill="{colour}"/><path d="m120 34 78 38-78 38-78-38z" fill="{svg.lighter(colour, 0.4)}"/>'
        f'<path d="M120 110v98l-78-42V72z" fill="{svg.lighter(colour, 0.15)}"/><path d="m81 53 78 38v30l-14-7V98L67 60z" fill="{accent}"/>'
    )


GOODS: dict[str, Painter] = {
    "sim": sim, "esim": esim, "case": case, "charger": charger, "earbuds": earbuds, "headphones": headphones,
    "watch": watch, "cable": cable, "powerbank": powerbank, "glass": glass, "holder": holder, "speaker": speaker,
    "music": music, "video": video, "cloud": cloud, "press": press, "shield": shield, "travel": travel, "data": data,
    "plan": plan, "parcel": parcel,
}  # fmt: skip
