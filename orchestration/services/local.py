"""Tasks that need no provider of orchestration's: numbers of the pool and messages to people."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from catalogue.finding import refurbished_of
from catalogue.selectors import current_snapshot
from catalogue.services import numbers
from catalogue.services.stock import take_in
from catalogue.shops import shop
from commerce.kernel.clock import PARIS
from commerce.kernel.errors import FaisceauError, RuleViolated
from commerce.markets.pack import market
from commerce.notifications.services import send
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.number_shop import callers_tariff
from commerce.ordering.services.fulfilment import line_works
from commerce.ordering.services.unwinding import lines_unwound, pay_back
from orchestration.domain.keeping import KEPT, PICK_UP
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import PAYING_BACK, SETTLING
from orchestration.models import Task
from orchestration.porting.opening import close_port_ins
from orchestration.porting.rio import rio_of_subscription, tell_rio
from orchestration.services.desk import Desk
from subscriptions.contracts.lines import line_of_bundle, line_of_subscription
from subscriptions.contracts.selectors import subscription_view
from subscriptions.contracts.services.number import take_number
from subscriptions.domain.states import ChangeKind

_MESSAGE = "message."
RESUMED = "line_resumed"
"""It would not be true while something else blocks the line."""
COMING = "porting_scheduled"
"""It is about the number that comes along, whatever the line has until then."""
_SERVING = frozenset({"network.activate", "network.route"})


def perform(desk: Desk, task: Task) -> None:
    """Do the task and finish it, together; what can't be done comes before an operator."""
    try:
        with transaction.atomic():
            _do(desk, task)
    except FaisceauError as error:
        desk.fall_out(task, cause=error.code, message=error.message)
    else:
        desk.move(task, TaskState.DONE)


def _do(desk: Desk, task: Task) -> None:
    """Raises RuleViolated: no such action, or the pool has no number."""
    if task.action.startswith(_MESSAGE):
        _tell(desk, task)
    elif task.action == "numbering.assign":
        _assign_number(desk, task)
    elif task.action == "numbering.retire":
        numbers.retire_number(desk.context(task).fact("old_msisdn"))
    elif task.action == "numbering.release":
        _give_up_number(desk, key=_key(desk, task))
    elif task.action == "numbering.lend":
        _lend_number(desk, task)
    elif task.action == "numbering.take_back":
        _give_up_number(desk, key=numbers.temporary_key(_key(desk, task)))
    elif task.action == "numbering.cut_over":
        _cut_over(desk, task)
    elif task.action == "line.works":
        line_works(order_number=desk.plan.order_number, group=desk.plan.group)
    elif task.action == SETTLING:
        order, group = desk.plan.order_number, desk.plan.group
        close_port_ins(order_number=order, group=group, lines=task.lines)
        lines_unwound(order_number=order, line_ids=task.lines)
    elif task.action == PAYING_BACK:
        _pay_back(desk, task)
    elif task.action == "stock.refurbish":
        _refurbish(desk, task)
    else:
        raise RuleViolated(f"No action is called {task.action!r}.", code="unknown_action")


def _assign_number(desk: Desk, task: Task) -> None:
    """The number held for the line when the order was placed becomes its own."""
    desk.learn({task.lines[0]: {"msisdn": numbers.assign(_key(desk, task))}})


def _key(desk: Desk, task: Task) -> str:
    """Under which the line has its number."""
    return f"{desk.order.number}/{task.lines[0]}"


def _lend_number(desk: Desk, task: Task) -> None:
    """The line's until the other is here; unless that is given up, or here already."""
    item = desk.context(task).item
    if item.config.get("number_choice") == "port" and not item.facts.get("msisdn"):
        lent = numbers.lend(_key(desk, task))
        desk.learn({item.line_id: {"msisdn": lent, "temporary": lent}})


def _cut_over(desk: Desk, task: Task) -> None:
    """The number that came along is the contract's now; the other rests. If the contract has ended
    meanwhile both do, and he may take the one along or have it back. Whichever it keeps, its RIO is
    told now."""
    item = desk.context(task).item
    order, group = desk.plan.order_number, desk.plan.group
    if item.came_along:
        # Plans of releases without `billing.number` have nothing else that tells our own billing.
        take_number(order_number=order, group=group, msisdn=item.config["msisdn"])
        numbers.retire(key=numbers.temporary_key(_key(desk, task)))
    line = line_of_bundle(order, group=group)
    if line is not None:
        tell_rio(line.subscription_id, about="rio")
        if item.came_along and not line.active:
            numbers.retire(key=_key(desk, task))


def _give_up_number(desk: Desk, *, key: str) -> None:
    """Free again; but for one that was already reachable, which rests first."""
    reachable = any(
        other.action in _SERVING and desk.effects[other.pk].state == EffectState.ACCEPTED
        for other in desk.tasks
        if other.pk in desk.effects
    )
    if reachable:
        numbers.retire(key=key)
    else:
        numbers.give_back(key)


def _pay_back(desk: Desk, task: Task) -> None:
    """What the card paid for what is withdrawn from."""
    number, _, group = desk.order.withdraws.partition("/")
    amount = pay_back(number=number, group=group).rounded().amount
    desk.learn({line: {"refund": str(amount)} for line in task.lines})


def _refurbish(desk: Desk, task: Task) -> None:
    """A phone that came back goes on sale as a refurbished one, if the catalogue has such a one."""
    (item,) = (item for item in desk.order.items if item.line_id == task.lines[0])
    if item.facts.get("grade") not in ("as_new", "worn"):
        return
    offering = refurbished_of(current_snapshot(desk.now), item.offering)
    if offering is not None and take_in(offering.code, quantity=item.quantity):
        desk.learn({item.line_id: {"sold_on_as": offering.code}})


def _tell(desk: Desk, task: Task) -> None:
    code = task.action.removeprefix(_MESSAGE)
    if code == RESUMED and _stands_still(desk):
        return
    tell(desk, task, code=code)


def _stands_still(desk: Desk) -> bool:
    """Whether something blocks the line just now."""
    subject = desk.order.subject
    return subject is not None and bool(subscription_view(desk.order.party_id, subject).blocks)


def tell(desk: Desk, task: Task, *, code: str, about: str = "") -> None:
    """Send the customer the message `code` about the task's items; once for the task, or for what
    else it is `about`."""
    order = desk.order
    # What is known of the task's own items counts before what is known of the others.
    ranked = sorted(order.items, key=lambda item: item.line_id in task.lines)
    facts = {name: value for item in ranked for name, value in item.facts.items()}
    own = [item for item in order.items if item.line_id in task.lines]
    names = ", ".join(item.name for item in own)
    told = {
        **facts,
        **_line_now(desk),
        **_coming_number(own, code=code),
        **_special_number(own, on=order.placed_on),
        **_shop(desk, task, code=code),
        **_ending(desk, facts),
        **_new_number(desk, code=code),
    }
    send(
        party_id=order.party_id,
        code=code,
        values={"order": order.number, "service": names, **told},
        reference=f"{order.number}/{desk.plan.group}/{about or task.key}",
    )


def _line_now(desk: Desk) -> dict[str, str]:
    """The number of the contract that is changed: it may be another than when that was ordered."""
    if desk.order.subject is None or desk.order.change is ChangeKind.NUMBER:
        return {}
    line = line_of_subscription(desk.order.subject)
    return {"msisdn": line.msisdn} if line is not None and line.msisdn else {}


def _coming_number(items: Sequence[FulfilmentItem], *, code: str) -> dict[str, str]:
    """Of a number that comes along: which it is, and with which the line works until it is here."""
    for item in items:
        if item.config.get("number_choice") == "port":
            coming = market(settings.MARKET).display_number(item.config["msisdn"])
            named = {"msisdn": coming} if code == COMING else {}
            return {"temporary": item.temporary, **named}
    return {"temporary": ""}


def _special_number(items: Sequence[FulfilmentItem], *, on: date | None) -> dict[str, Any]:
    """What a message must say beside a special number: its price sign and duties, by language, as
    they were when it was ordered."""
    for item in items:
        if "number_range" in item.characteristics:
            tariff = callers_tariff(item.characteristics, on=on)
            pack = market(settings.MARKET)
            return {
                "number": pack.display_number(item.facts.get("msisdn", "")),
                "route_to": pack.display_number(item.said("route_to")),
                "sign": dict(tariff.sign),
                "duties": [dict(duty.text) for duty in tariff.duties],
            }
    return {}


def _ending(desk: Desk, facts: Mapping[str, str]) -> dict[str, Any]:
    """When a contract ends, what that costs and the key that saves its number until 40 days after,
    in the words of each language."""
    if "ends_on" not in facts:
        return {}
    on = date.fromisoformat(facts["ends_on"])
    rules = market(settings.MARKET).porting_rules()
    owed = Decimal(facts["owed"])
    return {
        "ends_on": f"{on:%d/%m/%Y}",
        "over": on < desk.now.astimezone(PARIS).date(),
        "saved_until": f"{on + timedelta(days=rules.recoverable_days):%d/%m/%Y}",
        "owed": _euros(owed) if owed else None,
        "unproved": _euros(Decimal(facts.get("unproved", "0"))),
        "rio": rio_of_subscription(desk.order.subject) if desk.order.subject else "",
        "refund": _euros_if_any(facts.get("refund", "0")),
        "wear": _euros_if_any(facts.get("wear", "0")),
        "received": desk.now.astimezone(PARIS).strftime("%d/%m/%Y, %H:%M"),
        "withdraws": desk.order.withdraws.partition("/")[0],
    }


def _new_number(desk: Desk, *, code: str) -> dict[str, str]:
    """The RIO of a number that is new on its line (decision 2012-0576, article 13)."""
    subject = desk.order.subject
    if code != "number_changed" or subject is None:
        return {}
    return {"rio": rio_of_subscription(subject)}


def _euros_if_any(text: str) -> dict[str, str]:
    amount = Decimal(text)
    return _euros(amount) if amount else {}


def _euros(amount: Decimal) -> dict[str, str]:
    return {"fr": f"{amount:.2f} €".replace(".", ","), "en": f"€{amount:.2f}"}


def _shop(desk: Desk, task: Task, *, code: str) -> dict[str, str]:
    """Where the customer fetches his order, if he does, and until when."""
    if not code.startswith("pick_up"):
        return {}
    found = shop(task.parcel)
    waiting = next((t for t in desk.tasks if t.until in KEPT and t.parcel == task.parcel), None)
    since = (waiting.started_at if waiting else None) or desk.now
    until = PICK_UP.ends_at(since).astimezone(PARIS).date()
    return {
        "shop": found.name,
        "shop_address": f"{found.line1}, {found.postcode} {found.city}",
        "kept_until": f"{until:%d/%m/%Y}",
    }
