"""What holds for every template, style sheet and text of the pages."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.template.loader import render_to_string
from django.utils.translation import override

from frontend import styleguide

FRONTEND = Path(settings.BASE_DIR) / "frontend"
STATIC = FRONTEND / "static" / "frontend"
TEMPLATES = sorted((FRONTEND / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_inline_script_or_style_or_loads_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


def test_our_own_styles_and_scripts_stay_small() -> None:
    css, js = (STATIC / "faisceau.css").stat().st_size, (STATIC / "faisceau.js").stat().st_size
    assert js < 8 * 1024
    assert css + js <= 100 * 1024


def test_styles_load_nothing_but_our_fonts() -> None:
    addresses = re.findall(r"url\(([^)]*)\)", (STATIC / "faisceau.css").read_text(encoding="utf-8"))
    names = [address.strip('"') for address in addresses]
    assert len(names) == 4
    assert all((STATIC / name).is_file() for name in names)


def test_every_text_has_its_french_in_french_typography() -> None:
    call_command("texts", "--check")


def test_the_panel_says_every_bill_in_words_too() -> None:
    with override("fr"):
        html = render_to_string(
            "frontend/components/promise.html", {"panel": styleguide.panel("fr")}
        )
    rows = re.findall(r"<th scope=\"row\">([^<]+)</th>", html)
    assert len(rows) == 24
    assert rows[0] == "déc.\u00a02026"
    assert "Coût total sur 24 mois" in html
    assert "450,00\u00a0€" in html
    assert "Pourquoi ce prix\u202f?" in html


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _tokens(*, dark: bool) -> dict[str, str]:
    css = (STATIC / "faisceau.css").read_text(encoding="utf-8")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", css.split("@media")[0]))
    if dark:
        block = css.split('[data-theme="dark"] {')[1].split("}")[0]
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    return found


TEXT_PAIRS = [
    *((t, ground) for t in ("ink", "second", "third") for ground in ("paper", "card", "sunken")),
    ("beam", "paper"), ("beam", "card"), ("beam-deep", "beam-soft"), ("on-beam", "beam"),
    ("on-sun", "sun"), ("mint", "mint-soft"), ("mint", "card"), ("sun-ink", "sun-soft"),
    ("coral-ink", "coral-soft"),
    ("coral-ink", "paper"), ("coral-ink", "card"),
    ("panel-ink", "panel"), ("panel-second", "panel"),
]  # fmt: skip
EDGE_PAIRS = [("edge", "card"), ("edge", "paper"), ("sun", "panel"), ("beam", "sunken")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_edges_have_contrast(dark: bool) -> None:
    tokens = _tokens(dark=dark)
    weak = [
        (first, second, round(_contrast(tokens[first], tokens[second]), 2))
        for pairs, least in ((TEXT_PAIRS, 4.5), (EDGE_PAIRS, 3.0))
        for first, second in pairs
        if _contrast(tokens[first], tokens[second]) < least
    ]
    assert weak == []


def test_an_alert_takes_no_role_from_the_page_around_it() -> None:
    alert = "frontend/components/alert.html"
    assert "role=" not in render_to_string(alert, {"text": "Overdue.", "role": "approver"})
    assert 'role="alert"' in render_to_string(alert, {"text": "Refused.", "role": "alert"})
