"""Three orders, one per channel, told from the first click to the last bill of eight months."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as time_of_day
from typing import Protocol

import httpx

from commerce.kernel.clock import PARIS
from commerce.kernel.periods import add_months
from commerce.local.demo import sabotage as planted
from commerce.local.demo import telling
from commerce.local.demo.bills import Audit, read_back
from commerce.local.demo.business import Business
from commerce.local.demo.call_centre import CallCentre
from commerce.local.demo.effects import Effects, effects_of
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.orders import Told
from commerce.local.demo.shopper import Shopper
from commerce.local.demo.third_party import Purchases
from commerce.local.errors import StackError
from commerce.local.stack import Stack

MONTHS = 8
QUIET_SECONDS = 90
NOON = time_of_day(12)


class Client(Protocol):
    """One channel's part: order, then wait until everything that was ordered is active."""

    def order(self) -> Told: ...

    def wait_until_active(self, number: str, *, seconds: float = ...) -> None: ...


CHANNELS: dict[str, Callable[[Stack], Client]] = {
    "shopper": Shopper,
    "call_centre": CallCentre,
    "business": Business,
}


@dataclass
class Outcome:
    """What was found so far; complete when the story went to its end."""

    told: dict[str, Told] = field(default_factory=dict)
    audit: Audit | None = None
    effects: Effects | None = None

    @property
    def right(self) -> bool:
        return (
            self.audit is not None
            and self.effects is not None
            and self.audit.completed == len(CHANNELS) == len(self.told)
            and self.audit.right
            and self.effects.right
            and not telling.items_that_differ(self.told.values(), self.audit)
        )

    def as_json(self, *, seconds: float) -> str:
        audit, effects = self.audit, self.effects
        return json.dumps(
            {
                "orders": len(self.told),
                "completed": audit.completed if audit else 0,
                "bills": len(audit.bills) if audit else 0,
                "bills_expected": len(audit.expected) if audit else 0,
                "bills_as_promised": audit.as_promised if audit else 0,
                "effects_expected": sum(effects.expected.values()) if effects else 0,
                "effects_duplicated": len(effects.doubled) if effects else 0,
                "effects_missing": len(effects.missing) if effects else 0,
                "seconds": round(seconds, 1),
            }
        )


def main(stack: Stack, sabotage: str | None = None) -> int:
    """Tell the story on a running stack of its own; 0 if all is as promised, else 1."""
    if sabotage and sabotage not in planted.FAULTS:
        raise StackError(f"SABOTAGE is one of {', '.join(planted.FAULTS)}.")
    began, outcome = time.monotonic(), Outcome()
    try:
        _play(stack, outcome, sabotage=sabotage)
    except (StoryBroken, StackError, httpx.HTTPError) as error:
        telling.say(f"\nThe story broke off: {error}")
    else:
        telling.verdict(right=outcome.right, sabotage=sabotage)
    print(outcome.as_json(seconds=time.monotonic() - began), flush=True)
    return 0 if outcome.right else 1


def _play(stack: Stack, outcome: Outcome, *, sabotage: str | None) -> None:
    clients = {name: make(stack) for name, make in CHANNELS.items()}
    for position, (name, client) in enumerate(clients.items(), start=1):
        told = client.order()
        outcome.told[name] = told
        telling.order(told, position=position)
    for name, client in clients.items():
        client.wait_until_active(outcome.told[name].number)
    telling.say("\nAll three orders are active.")
    shopper = clients["shopper"]
    assert isinstance(shopper, Shopper)
    purchases = Purchases(stack, shopper.browser, shopper.number.replace(" ", ""))
    purchases.buy()
    telling.third_party(purchases.story)
    if sabotage:
        telling.say(f"Sabotage: {planted.plant(stack, fault=sabotage, told=outcome.told)}.")
    until = _advance(stack, clients["business"])
    numbers = [told.number for told in outcome.told.values()]
    outcome.audit = read_back(stack, numbers=numbers, until=until)
    outcome.effects = effects_of(
        stack,
        outcome.told.values(),
        orders=outcome.audit.orders,
        bills=outcome.audit.bills,
        until=until,
        bought=purchases.expected(until=datetime.combine(until, NOON, PARIS)),
    )
    for told in outcome.told.values():
        telling.after(told, audit=outcome.audit)
    telling.findings(outcome.audit, effects=outcome.effects, told=outcome.told.values())


def _advance(stack: Stack, firm: Client) -> date:
    """Move business time eight months on, to noon; the day, in Paris as the bills have it. Each
    month the firm pays its bills by transfer; cards pay for the others by themselves."""
    assert isinstance(firm, Business)
    now = datetime.fromisoformat(stack.manage("clock", "show").split(" ")[0]).astimezone(PARIS)
    first = date(now.year, now.month, min(now.day, 28))
    last = add_months(first, MONTHS)
    telling.say(f"The clock moves on to {last:%d %B %Y}, from one due instant to the next.")
    quiet = ("--quiet-timeout", str(QUIET_SECONDS))
    paid = 0
    for month in range(1, MONTHS + 1):
        day = add_months(first, month)
        stack.manage("clock", "advance", "--to", f"{day}T12:00", *quiet)
        paid += firm.pay_bills(on=day)
    telling.say(f"The firm has paid {paid} bills by transfer.")
    return last
