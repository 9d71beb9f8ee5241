"""From an empty cart to an order, by the API: strangers who buy a bundle of six and keep a number.

The order is bound and waits for the payment, which the buyer makes on the provider's page: that is
where the measurement ends. Run as a program it is the sixteen buyers, in a process of their own.
"""

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from commerce.local.place import ROOT
from commerce.markets.fr.rio import key_of
from tests.bench.client import Client
from tests.bench.results import Metric, metric

BUYERS, SECONDS, WINDOW, WARM = 16, 12.0, 1.0, 3.0
REQUESTS = 5
_LINES = {
    "handset": "ardoval-x2-128-nuit",
    "plan": "horizon-130",
    "sim": "esim",
    "accessory": "coque-ardoval-x2",
    "option": "vigie-securite",
    "content": "ondine-musique",
}
_CONSENTS = {
    "terms": True,
    "contract_summary_confirmed": True,
    "early_execution_requested": True,
}
_ADDRESS = {
    "name": "Camille Martin",
    "line1": "8 rue des Lilas",
    "postcode": "75020",
    "city": "Paris",
}


def measure(base: str, *, noop: float) -> list[Metric]:
    """Orders a second; the ratio compares its requests a second with those of the noop."""
    command = (sys.executable, "-m", "tests.bench.checkout", base)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    found = json.loads(done.stdout)
    return [
        metric(
            "checkout",
            found["rates"],
            n=found["orders"],
            unit="orders/s",
            reference=noop / REQUESTS,
        ),
        metric("checkout_ms", found["times"], unit="ms"),
    ]


def kept_number(place: int) -> dict[str, str]:
    """A number of its own for each order, with the RIO that goes with it."""
    number = f"06{12_000_000 + place:08}"
    key = key_of(operator="02", quality="P", reference="A1B2C3", number=number)
    return {"choice": "port", "msisdn": number, "rio": f"02PA1B2C3{key}"}


async def put_bundle(client: Client, cart: str) -> Any:
    """The bundle of six, in one request; the cart with it."""
    bundle = {
        "bundle": "handset-and-plan",
        "term": 24,
        "choices": [{"role": role, "offering": code} for role, code in _LINES.items()],
    }
    return await client.call("POST", f"/api/v1/carts/{cart}/bundles", bundle, status=201)


async def buy(client: Client, place: int) -> None:
    """Five requests, as a page would make them."""
    client.forget()
    api = "/api/v1"
    cart = (await client.call("POST", f"{api}/carts", {}, status=201))["code"]
    filled = await put_bundle(client, cart)
    plan = next(line["id"] for line in filled["quote"]["lines"] if line["role"] == "plan")
    at = f"{api}/carts/{cart}/items/{plan}/number"
    await client.call("PUT", at, kept_number(place), status=200)
    quote = (await client.call("POST", f"{api}/carts/{cart}/checkout", {}, status=200))["quote"]
    order = await client.call(
        "POST",
        f"{api}/orders",
        {
            "cart": cart,
            "expected_total": quote["due_today_gross"],
            "digest": quote["digest"],
            "consents": _CONSENTS,
            "customer": {
                "email": f"buyer{place}@example.test",
                "first_name": "Camille",
                "last_name": "Martin",
            },
            "deliver_to": _ADDRESS,
        },
        status=201,
    )
    assert order["state"] == "awaiting_payment", order


async def _buyer(
    host: str, port: int, *, places: Iterator[int], until: float
) -> list[tuple[float, float]]:
    found = []
    async with Client(host, port) as client:
        while (began := time.perf_counter()) < until:
            await buy(client, next(places))
            now = time.perf_counter()
            found.append((now, now - began))
    return found


async def _drive(base: str) -> dict[str, Any]:
    address, began = urlsplit(base), time.perf_counter()
    until = began + WARM + SECONDS
    places = itertools.count(int(time.time()) % 1_000_000 * 10)
    buyers = [
        _buyer(address.hostname or "", address.port or 80, places=places, until=until)
        for _ in range(BUYERS)
    ]
    first = began + WARM
    ends = [
        (end - first, spent)
        for found in await asyncio.gather(*buyers)
        for end, spent in found
        if first <= end < until
    ]
    windows = [0] * int(SECONDS / WINDOW)
    for end, _ in ends:
        windows[min(int(end / WINDOW), len(windows) - 1)] += 1
    return {
        "rates": [count / WINDOW for count in windows],
        "times": [spent * 1000 for _, spent in ends],
        "orders": len(ends),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    print(json.dumps(asyncio.run(_drive(parser.parse_args().base))))
