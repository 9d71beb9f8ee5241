"""A cart of twenty lines: one of them is changed, and the whole cart read back with its new price.

One caller alone, as a person who changes a quantity and waits for the total. A line of a bundle
beside fourteen things bought by themselves, so that promotions and rules have something to do.
"""

import asyncio
import itertools
import time
from urllib.parse import urlsplit

import yaml

from commerce.local.place import ROOT
from tests.bench.checkout import put_bundle
from tests.bench.client import Client
from tests.bench.results import Metric, metric

LINES, WARM, CHANGES = 20, 30, 300
_ACCESSORIES = ROOT / "catalogue" / "demo" / "accessories.yaml"


def measure(base: str) -> list[Metric]:
    """Milliseconds from the change that is sent to the re-priced cart that is read."""
    return [metric("cart_change", asyncio.run(_changes(base)), unit="ms")]


async def _changes(base: str) -> list[float]:
    address, times = urlsplit(base), []
    async with Client(address.hostname or "", address.port or 80) as client:
        cart = (await client.call("POST", "/api/v1/carts", {}, status=201))["code"]
        filled = await put_bundle(client, cart)
        more = LINES - len(filled["quote"]["lines"])
        for code in itertools.islice(_codes(), more):
            item = {"offering": code, "quantity": 1}
            filled = await client.call("POST", f"/api/v1/carts/{cart}/items", item, status=201)
        lines = filled["quote"]["lines"]
        assert len(lines) == LINES, len(lines)
        line = next(each["id"] for each in lines if not each["group"])
        at = f"/api/v1/carts/{cart}/items/{line}"
        for turn in range(WARM + CHANGES):
            wanted, began = 1 + turn % 3, time.perf_counter()
            read = await client.call("PATCH", at, {"quantity": wanted}, status=200)
            times.append((time.perf_counter() - began) * 1000)
            assert {each["id"]: each["quantity"] for each in read["quote"]["lines"]}[line] == wanted
    return times[WARM:]


def _codes() -> list[str]:
    """Accessories of the demo, each sold by itself."""
    found = yaml.safe_load(_ACCESSORIES.read_text())["offerings"]
    return [each["code"] for each in found]
