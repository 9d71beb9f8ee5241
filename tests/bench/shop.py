"""A shop worth measuring: the demo catalogue with thousands of offerings more, well stocked."""

import shutil
import time
from pathlib import Path
from typing import Any

import psycopg
import yaml

from commerce.local.place import ROOT
from commerce.local.stack import Stack
from tests.bench.results import Metric, metric

OFFERINGS = 10_000
_DEMO = ROOT / "catalogue" / "demo"
_PLENTY = "UPDATE partner_stockrecord SET num_in_stock = 1000000"


def enlarge(stack: Stack, *, folder: Path, offerings: int = OFFERINGS) -> list[Metric]:
    """Put the larger catalogue on sale; every piece is there a million times over, so that no order
    waits for one. Measures the command: read, check, publish, index."""
    larger = str(larger_catalogue(folder, offerings=offerings))
    began = time.monotonic()
    stack.manage("import_catalogue", larger)
    spent = time.monotonic() - began
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        connection.execute(_PLENTY)
        connection.execute("ANALYZE")
    return [metric("catalogue_import", [spent], unit="s")]


def larger_catalogue(folder: Path, *, offerings: int) -> Path:
    """The demo catalogue in `folder`, with `offerings` accessories of all sorts beside it."""
    target = folder / "catalogue"
    shutil.copytree(_DEMO, target)
    more = _more(offerings)
    _write(target / "more.yaml", {"offerings": more})
    stock = _read("stock.yaml")
    next(iter(stock["suppliers"].values()))["pieces"].update({each["code"]: 50 for each in more})
    for supplier in stock["suppliers"].values():
        supplier.pop("coming", None)  # nothing has to wait: all is there
    _write(target / "stock.yaml", stock)
    return target


def _more(count: int) -> list[dict[str, Any]]:
    """Variants of the demo's accessories, each with a code, a name and a price of its own."""
    demo = _read("accessories.yaml")["offerings"]
    return [_like(demo[number % len(demo)], number) for number in range(count)]


def _like(model: dict[str, Any], number: int) -> dict[str, Any]:
    cents = 990 + number % 4000
    price = f"{cents // 100}.{cents % 100:02}"
    return {
        **model,
        "code": f"{model['code']}-{number}",
        "name": {language: f"{text} {number}" for language, text in model["name"].items()},
        "charges": [{**model["charges"][0], "consumer": price, "business": price}],
        "rank": 1000 + number,
    }


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_DEMO / name).read_text())
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True))
