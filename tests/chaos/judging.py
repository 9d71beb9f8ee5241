"""What became of the orders: expected effects by business identity beside all that happened.

An order that lies before an operator is judged as any other but for what he was told of: what does
not hang on that must have happened, and nothing else of it may stand still.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from commerce.local.demo.effects import Identity, happened, line_of
from commerce.local.stack import Stack
from tests.chaos.faults import LOST, PERMANENT, REFUSAL

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
_HELD = """
SELECT plan.order_number, plan.id, task.key, task.state, task.cause, task.action, task.lines,
       task.needs, task.of
  FROM orchestration_task AS task JOIN orchestration_plan AS plan ON plan.id = task.plan_id
 WHERE plan.order_number IN (
         SELECT held.order_number FROM orchestration_plan AS held
           JOIN orchestration_task AS fallen ON fallen.plan_id = held.id
          WHERE fallen.state = 'fallout' AND held.order_number = ANY(%s))
 ORDER BY plan.id, task.position
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
_BACK = """
SELECT invoice.number, sent.status FROM subscriptions_einvoice AS sent
  JOIN subscriptions_invoice AS invoice ON invoice.id = sent.invoice_id
 WHERE sent.status IN ('refused', 'rejected')
"""
_SHIPPERS = {"own": "warehouse", "supplier": "dropship"}
_SERVICES = {"ondine-musique": "music", "lanterne-video": "video"}
_ENDED = frozenset({"completed"})
_OVER = frozenset({"done", "skipped", "cancelled", "fallout"})
_SPARED = {REFUSAL: "content.entitle", LOST: ""}
"""What does not happen where that befell an order for good, as the action that fell out: a thing
that was refused. A parcel that was lost did leave, and nothing waits for its arrival."""


@dataclass(frozen=True, slots=True)
class Step:
    """A task of a plan; `before` are the keys that it waits for."""

    plan: int
    key: str
    state: str
    cause: str
    action: str
    lines: tuple[str, ...]
    before: tuple[str, ...]


Held = Mapping[str, Sequence[Step]]
"""All steps of the orders that lie before an operator, by number."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`lost`: effects that must have happened and did not. `stuck`: orders that are neither
    completed nor before an operator, and steps of the latter that wait for nothing that fell out.
    `fallout` by cause, of `held` orders; `unbound`: orders that their buyers hold to be bound;
    `astray`: firms' bills that came back though nobody was told to refuse them, or the other way
    round."""

    states: Counter[str]
    fallout: Counter[str]
    held: int
    expected: int
    lost: tuple[Identity, ...]
    doubled: tuple[Identity, ...]
    stuck: tuple[str, ...]
    unbound: tuple[str, ...]
    parked: int
    astray: tuple[str, ...] = ()
    bills_refused: int = 0
    """By their buyers at the platform."""

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
            or self.astray
            or self.parked
            or self.of_transient_faults
        )


def settled(stack: Stack, *, numbers: Collection[str], seconds: float) -> None:
    """Wait until every order has ended, or what is left of it waits for an operator, firms' bills
    are at their platform, and what that told of them is known; or until time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        # It may be the database or the sandbox that is restarted.
        with suppress(psycopg.Error, httpx.HTTPError):
            if not _under_way(stack, numbers=list(numbers)):
                return
        time.sleep(1)


def _under_way(stack: Stack, *, numbers: list[str]) -> list[str]:
    with psycopg.connect(stack.info.database_url, connect_timeout=2) as connection:
        held = _held(connection, numbers)
        found = connection.execute(_ORDERS, [numbers]).fetchall()
        unsent = [key for (key,) in connection.execute(_UNSENT)]
        back = {str(bill): str(state) for bill, state in connection.execute(_BACK)}
    left = [number for number, state, _ in found if state not in _ENDED and number not in held]
    moving = [step for steps in held.values() for step in standing_still(steps)]
    unknown = [bill for bill, told in told_of(stack).items() if told and bill not in back]
    return left + moving + unsent + unknown


def judge(
    stack: Stack,
    *,
    numbers: Collection[str],
    refusals: int,
    changed: Mapping[str, Collection[Identity]] | None = None,
) -> Verdict:
    """Read everything back; `numbers` are the orders that their buyers hold to be bound, `changed`
    what those of running lines lead to, `refusals` how many of firms' bills their buyers were made
    to refuse."""
    wanted = list(numbers)
    with psycopg.connect(stack.info.database_url) as connection:
        orders = {row[0]: row for row in connection.execute(_ORDERS, [wanted])}
        items = connection.execute(_ITEMS, [wanted]).fetchall()
        held = _held(connection, wanted)
        parked = connection.execute(_PARKED).fetchone()
        invoiced = connection.execute(_INVOICED).fetchall()
        back = {str(bill): str(state) for bill, state in connection.execute(_BACK)}
    found = happened(stack)
    ended = {number for number, state, _ in orders.values() if state in _ENDED}
    judged = ended | set(held)
    expected = {identity for row in items if row[0] in judged for identity in _of_item(*row)} | {
        _captured(number, gross) for number, _, gross in orders.values() if number in judged
    }
    expected |= {("einvoicing", "deposit", bill) for (bill,) in invoiced}
    for number, effects in (changed or {}).items():
        expected |= set(effects) if number in judged else set()
    expected = {identity for identity in expected if identity[-1] != "0"}
    expected -= {each for number, steps in held.items() for each in spared(number, steps)}
    bound = ("accepted", "in_progress", "completed")
    told = told_of(stack)
    return Verdict(
        states=Counter(state for _, state, _ in orders.values()),
        fallout=Counter(cause for steps in held.values() for cause in _causes(steps)),
        held=len(held),
        expected=len(expected),
        lost=tuple(sorted(expected - set(found))),
        doubled=tuple(sorted(identity for identity, times in found.items() if times > 1)),
        stuck=(
            *sorted(set(orders) - judged),
            *(f"{each}: {key}" for each in sorted(held) for key in standing_still(held[each])),
        ),
        unbound=tuple(sorted(n for n in wanted if n not in orders or orders[n][1] not in bound)),
        parked=int(parked[0]) if parked else 0,
        astray=tuple(astray(back, told=told, injected=refusals)),
        bills_refused=len(told),
    )


def _held(connection: psycopg.Connection[Any], numbers: Sequence[str]) -> Held:
    held: dict[str, list[Step]] = {}
    rows = connection.execute(_HELD, [list(numbers)])
    for number, plan, key, state, cause, action, lines, needs, of in rows:
        before = (*needs, *([of] if of else []))
        step = Step(plan, key, state, cause, action, tuple(lines), before)
        held.setdefault(number, []).append(step)
    return held


def _causes(steps: Iterable[Step]) -> Collection[str]:
    return {step.cause for step in steps if step.state == "fallout"}


def standing_still(steps: Collection[Step]) -> list[str]:
    """The steps that are not over though they wait for nothing that lies before an operator."""
    behind = {(step.plan, step.key) for step in steps if step.state == "fallout"}
    left = [step for step in steps if step.state not in _OVER]
    while (
        more := {
            (step.plan, step.key)
            for step in left
            if any((step.plan, key) in behind for key in step.before)
        }
        - behind
    ):
        behind |= more
    return [step.key for step in left if (step.plan, step.key) not in behind]


def spared(number: str, steps: Iterable[Step]) -> Iterator[Identity]:
    """What need not have happened of an order that lies before an operator: what was refused."""
    for step in steps:
        if step.state == "fallout" and step.action and _SPARED.get(step.cause) == step.action:
            for line in step.lines:
                for service in _SERVICES.values():
                    yield ("content", "entitle", f"{number}/{line}", service)


def told_of(stack: Stack) -> Mapping[str, bool]:
    """The bills that their buyers refused at the platform; whether that was told us, or lost on
    the way: then we ask ten days later."""
    asked = {"provider": "einvoicing"}
    answer = httpx.get(f"{stack.info.providers_url}/_control/callbacks", params=asked, timeout=60)
    answer.raise_for_status()
    return {
        told["reference"]: told["state"] != "lost"
        for told in answer.json()["callbacks"]
        if told["type"] == "invoice.refused"
    }


def astray(back: Mapping[str, str], *, told: Mapping[str, bool], injected: int) -> Iterator[str]:
    """What is wrong with the bills that came `back`, each with its state here, beside what the
    platform `told` of refusals: each was injected, each that was told is known here, no other is,
    and none was found wanting by the platform itself."""
    if len(told) != injected:
        yield f"{len(told)} bills were refused by their buyers, who were made to refuse {injected}"
    for bill, state in sorted(back.items()):
        if state == "rejected":
            yield f"{bill} was rejected by the platform"
        elif bill not in told:
            yield f"{bill} is refused here and was not by its buyer"
    for bill in sorted(bill for bill, known in told.items() if known and bill not in back):
        yield f"{bill} was refused by its buyer, which was told and is not known here"


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
