"""What became of the orders: expected effects by business identity beside all that happened."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from commerce.local.demo.effects import Identity, happened, line_of
from commerce.local.stack import Stack
from tests.chaos.faults import PERMANENT

_ORDERS = """
SELECT number, state, CASE WHEN payment_key = '' THEN '0' ELSE gross::text END
  FROM ordering_order WHERE number = ANY(%s)
"""
_ITEMS = """
SELECT placed.number, item.line_id, item."group", item.role, item.offering, item.shares,
       item.config, item.facts
  FROM ordering_orderitem AS item JOIN ordering_order AS placed ON placed.id = item.order_id
 WHERE placed.number = ANY(%s) AND placed.change = ''
"""
_FALLOUT = """
SELECT DISTINCT plan.order_number, task.cause FROM orchestration_task AS task
  JOIN orchestration_plan AS plan ON plan.id = task.plan_id
 WHERE task.state = 'fallout' AND plan.order_number = ANY(%s)
"""
_PARKED = """
SELECT (SELECT count(*) FROM events_delivery WHERE state = 'parked')
     + (SELECT count(*) FROM events_timer WHERE state = 'parked')
"""
_INVOICED = """
SELECT invoice.number FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
 WHERE account.segment = 'business' AND invoice.number IS NOT NULL
"""
_UNSENT = """
SELECT 'bill ' || key FROM subscriptions_platformrequest
 WHERE kind = 'invoice' AND state IN ('waiting', 'claimed')
"""
_BACK = "SELECT count(*) FROM subscriptions_einvoice WHERE status = 'refused'"
_SHIPPERS = {"own": "warehouse", "supplier": "dropship"}
_SERVICES = {"ondine-musique": "music", "lanterne-video": "video"}
_ENDED = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`lost`: effects of completed orders that did not happen. `stuck`: neither completed nor
    before an operator. `fallout` by cause, of `held` orders; `unbound`: orders that their buyers
    hold to be bound."""

    states: Counter[str]
    fallout: Counter[str]
    held: int
    expected: int
    lost: tuple[Identity, ...]
    doubled: tuple[Identity, ...]
    stuck: tuple[str, ...]
    unbound: tuple[str, ...]
    parked: int
    bills_refused: int = 0
    """Of those that the platform has, known to us as refused by their buyers."""

    @property
    def completed(self) -> int:
        return self.states["completed"]

    @property
    def of_transient_faults(self) -> int:
        """Orders before an operator though nothing befell them for good."""
        return sum(count for cause, count in self.fallout.items() if cause not in PERMANENT)

    @property
    def right(self) -> bool:
        return bool(self.expected) and not (
            self.lost
            or self.doubled
            or self.stuck
            or self.unbound
            or self.parked
            or self.of_transient_faults
        )


def settled(stack: Stack, *, numbers: Collection[str], seconds: float) -> None:
    """Wait until every order has ended or lies before an operator, and firms' bills are at their
    platform, or time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(psycopg.Error):  # it may be the database that is restarted
            if not _under_way(stack, numbers=list(numbers)):
                return
        time.sleep(1)


def _under_way(stack: Stack, *, numbers: list[str]) -> list[str]:
    with psycopg.connect(stack.info.database_url, connect_timeout=2) as connection:
        held = {number for number, _ in connection.execute(_FALLOUT, [numbers])}
        found = connection.execute(_ORDERS, [numbers]).fetchall()
        unsent = [key for (key,) in connection.execute(_UNSENT)]
    left = [number for number, state, _ in found if state not in _ENDED and number not in held]
    return left + unsent


def judge(
    stack: Stack,
    *,
    numbers: Collection[str],
    changed: Mapping[str, Collection[Identity]] | None = None,
) -> Verdict:
    """Read everything back; `numbers` are the orders that their buyers hold to be bound, `changed`
    what those of running lines lead to."""
    wanted = list(numbers)
    with psycopg.connect(stack.info.database_url) as connection:
        orders = {row[0]: row for row in connection.execute(_ORDERS, [wanted])}
        items = connection.execute(_ITEMS, [wanted]).fetchall()
        fallout = connection.execute(_FALLOUT, [wanted]).fetchall()
        parked = connection.execute(_PARKED).fetchone()
        invoiced = connection.execute(_INVOICED).fetchall()
        back = connection.execute(_BACK).fetchone()
    found = happened(stack)
    ended = {number for number, state, _ in orders.values() if state in _ENDED}
    expected = {identity for row in items if row[0] in ended for identity in _of_item(*row)} | {
        _captured(number, gross) for number, _, gross in orders.values() if number in ended
    }
    expected |= {("einvoicing", "deposit", bill) for (bill,) in invoiced}
    for number, effects in (changed or {}).items():
        expected |= set(effects) if number in ended else set()
    expected = {identity for identity in expected if identity[-1] != "0"}
    held = {number for number, _ in fallout}
    bound = ("accepted", "in_progress", "completed")
    return Verdict(
        states=Counter(state for _, state, _ in orders.values()),
        fallout=Counter(cause for _, cause in fallout),
        held=len(held),
        expected=len(expected),
        lost=tuple(sorted(expected - set(found))),
        doubled=tuple(sorted(identity for identity, times in found.items() if times > 1)),
        stuck=tuple(sorted(set(orders) - ended - held)),
        unbound=tuple(sorted(n for n in wanted if n not in orders or orders[n][1] not in bound)),
        parked=int(parked[0]) if parked else 0,
        bills_refused=int(back[0]) if back else 0,
    )


def plant_duplicate(stack: Stack) -> Identity:
    """Ask the content partner a second time for one thing, under a key of its own: a judge who does
    not see that sees nothing. The identity that is doubled by it."""
    url = stack.info.providers_url
    asked = {"parts": "by_identity", "provider": "content"}
    ledger = httpx.get(f"{url}/_control/ledger", params=asked, timeout=60).json()
    known = next(entry for entry in ledger["by_identity"] if entry["in_force"] == 1)
    _, reference, service = known["identity"]
    httpx.post(
        f"{url}/content/entitlements",
        json={"reference": reference, "service": service, "customer_ref": "P-1"},
        headers={
            "Authorization": f"Bearer {stack.env['PROVIDERS_API_KEY']}",
            "Idempotency-Key": f"another:{reference}",
        },
        timeout=10,
    ).raise_for_status()
    return ("content", *map(str, known["identity"]))


def _of_item(
    number: str,
    line: str,
    group: str,
    role: str,
    offering: str,
    shares: Any,
    config: Any,
    facts: Any,
) -> Iterator[Identity]:
    reference = f"{number}/{line}"
    for share in shares:
        yield (_SHIPPERS[share["kind"]], "ship", reference)
    if role == "plan":
        yield from line_of(number, {"line_id": line, "group": group, "facts": facts})
        if config.get("number_choice") == "port":
            yield ("porting", "port", str(config["msisdn"]))
    elif role == "sim" and offering == "esim":
        for step in ("esim", "esim_confirm", "esim_release"):
            yield ("smdp", step, reference)
    elif role == "content":
        yield ("content", "entitle", reference, _SERVICES[offering])


def _captured(number: str, gross: str) -> Identity:
    return ("payments", "captured", number, str(round(float(gross) * 100)))
