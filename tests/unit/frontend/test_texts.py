"""The French of the pages: collected from templates and code, kept, set, compiled."""

import os
from pathlib import Path
from typing import Any

from babel.support import Translations

from frontend import texts
from frontend.apps import french_is_compiled

TEMPLATE = """{% load i18n %}
    <p>{% trans "Why this price?" %}</p>
  {% blocktrans count n=n trimmed %}{{ n }} month{% plural %}{{ n }} months{% endblocktrans %}
      {% blocktrans trimmed with name=x %}
   Hello (it's {{ name }}
{% endblocktrans %}"""
CODE = 'from django.utils.translation import gettext as _\n\nTITLE = _("Your bills")\n'


def house(root: Path) -> Path:
    (root / "frontend").mkdir()
    (root / "frontend" / "page.html").write_text(TEMPLATE, encoding="utf-8")
    (root / "frontend" / "page.py").write_text(CODE, encoding="utf-8")
    return root / "django.po"


def test_texts_are_found_in_templates_and_in_code(tmp_path: Path) -> None:
    house(tmp_path)
    found = {message.id for message in texts.collect(tmp_path, ["frontend"]) if message.id}
    assert found == {
        "Why this price?",
        ("%(n)s month", "%(n)s months"),
        "Hello (it's %(name)s",
        "Your bills",
    }


def test_french_is_kept_set_and_compiled_and_what_is_missing_is_named(tmp_path: Path) -> None:
    path = house(tmp_path)
    catalog = texts.collect(tmp_path, ["frontend"])
    catalog["Why this price?"].string = "Pourquoi ce prix ?"
    texts.set_all(catalog)
    texts.write(catalog, path)
    again = texts.merge(texts.collect(tmp_path, ["frontend"]), path)
    assert again["Why this price?"].string == "Pourquoi ce prix\u202f?"
    assert len(texts.faults(again)) == 4
    assert "no French for 'Your bills'" in texts.faults(again)
    with path.with_suffix(".mo").open("rb") as file:
        assert Translations(file).gettext("Why this price?") == "Pourquoi ce prix\u202f?"


def test_exclamation_marks_and_plain_spaces_are_faults(tmp_path: Path) -> None:
    catalog = texts.collect(tmp_path, [])
    catalog.add("a", "Bienvenue !")
    catalog.add("b", "Prix : 3")
    assert [fault.split(" ")[0] for fault in texts.faults(catalog)] == ["an", "typographic"]


def test_what_no_page_says_stays_until_it_is_pruned(tmp_path: Path) -> None:
    path = house(tmp_path)
    catalog = texts.collect(tmp_path, ["frontend"])
    catalog.add("Gone", "Parti")
    texts.write(catalog, path)
    assert texts.merge(texts.collect(tmp_path, ["frontend"]), path).get("Gone") is not None
    pruned = texts.merge(texts.collect(tmp_path, ["frontend"]), path, prune=True)
    assert pruned.get("Gone") is None


def test_texts_are_compiled_when_they_are_younger_than_what_django_reads(tmp_path: Path) -> None:
    path = house(tmp_path)
    texts.write(texts.collect(tmp_path, ["frontend"]), path)
    compiled = path.with_suffix(".mo")
    compiled.unlink()
    texts.brought_up_to_date(path)
    assert compiled.exists()
    compiled.write_bytes(b"stays")
    texts.brought_up_to_date(path)
    assert compiled.read_bytes() == b"stays"
    os.utime(path, ns=(0, compiled.stat().st_mtime_ns + 1))
    texts.brought_up_to_date(path)
    assert compiled.read_bytes() != b"stays"


def test_a_shop_without_compiled_texts_is_told_so(settings: Any, tmp_path: Path) -> None:
    assert french_is_compiled() == []
    settings.LOCALE_PATHS = [tmp_path]
    assert [fault.id for fault in french_is_compiled()] == ["frontend.E001"]
