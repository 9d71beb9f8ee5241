"""Every fault of the sandboxes' lists, by chance, for as long as the run lasts."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx

from commerce.local.stack import Stack

REFUSAL, LOST = "chaos_refused", "parcel_lost"
PERMANENT = frozenset({REFUSAL, LOST})
"""Why an order may end before an operator: a partner refuses for good, a carrier loses a parcel."""
REFUSED_BILLS = 0.1
"""Of firms' bills at the platform: their orders go on, and an operator is shown the bill."""
REFUSALS_PER_THOUSAND, LOST_PER_THOUSAND = 10, 4

_PROVIDERS: tuple[Mapping[str, Any], ...] = (
    {"kind": "error", "probability": 0.04},
    {"kind": "latency", "probability": 0.04, "seconds": 0.4},
    {"kind": "timeout_before_effect", "probability": 0.01, "seconds": 1},
    {"kind": "timeout_after_effect", "probability": 0.02, "seconds": 1},
    {"kind": "duplicate_callback", "probability": 0.06},
    {"kind": "lost_callback", "probability": 0.02},
    {"kind": "late_callback", "probability": 0.05, "seconds": 5},
    {"kind": "out_of_order_callbacks", "probability": 0.03, "seconds": 5},
    {"kind": "partial_stock", "probability": 0.2},
)
_PAYMENTS: tuple[Mapping[str, Any], ...] = (
    {"route": "POST /v1/", "kind": "error", "probability": 0.02},
    {"route": "POST .*/capture$", "kind": "timeout_after_effect", "probability": 0.03},
    {"route": ".*", "kind": "duplicate_webhook", "probability": 0.05},
    {"route": ".*", "kind": "drop_webhook", "probability": 0.02},
    {"route": ".*", "kind": "late_webhook", "probability": 0.05, "seconds": 5},
)
_FOR_EVER = 1_000_000


def plant(stack: Stack, *, orders: int, seed: int) -> None:
    """Let both sandboxes misbehave; the same seed draws the same sequence of chances."""
    providers, payments = _doors(stack)
    refusals = max(1, orders * REFUSALS_PER_THOUSAND // 1000)
    refused = {"provider": "content", "operation": "POST .*entitlements$", "kind": "refuse"}
    _post(providers, {**refused, "times": refusals, "probability": 0.2, "code": REFUSAL})
    if lost := orders * LOST_PER_THOUSAND // 1000:
        astray = {"provider": "warehouse", "kind": "lost_parcel", "seed": seed}
        _post(providers, {**astray, "times": lost, "probability": 0.02})
    back = {"provider": "einvoicing", "kind": "buyer_refuses", "seed": seed}
    _post(providers, {**back, "times": None, "probability": REFUSED_BILLS})
    for place, fault in enumerate(_PROVIDERS):
        _post(providers, {"times": None, "seed": seed + place, **fault})
    for place, fault in enumerate(_PAYMENTS):
        _post(payments, {"times": _FOR_EVER, "seconds": 1, "seed": seed + place, **fault})


def struck(stack: Stack) -> Counter[str]:
    """How often each kind has struck."""
    found: Counter[str] = Counter()
    for door, count in zip(_doors(stack), ("used", "struck"), strict=True):
        for fault in httpx.get(door, timeout=10).json()["faults"]:
            found[fault["kind"]] += fault[count]
    return found


def clear(stack: Stack) -> None:
    for door in _doors(stack):
        httpx.delete(door, timeout=10).raise_for_status()


def _doors(stack: Stack) -> tuple[str, str]:
    info = stack.info
    return f"{info.providers_url}/_control/faults", f"{info.payments_url}/_control/faults"


def _post(door: str, fault: Mapping[str, Any]) -> None:
    httpx.post(door, json=fault, timeout=10).raise_for_status()
