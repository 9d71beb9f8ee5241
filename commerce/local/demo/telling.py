"""The story on the screen: words and aligned figures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from commerce.local.demo.bills import Audit, Bill
from commerce.local.demo.effects import Effects
from commerce.local.demo.orders import Promised, Told

WIDTH = 86
_PARIS = ZoneInfo("Europe/Paris")
_ORDER_WORDS = {
    "awaiting_approval": "waits for approval",
    "awaiting_acceptance": "waits for the customer to accept",
    "awaiting_payment": "waits for payment",
    "accepted": "accepted",
    "in_progress": "in progress",
    "completed": "complete",
}
_MILESTONES = {
    "parcel_prepared": "parcel prepared",
    "parcel_shipped": "parcel on its way",
    "parcel_delivered": "parcel delivered",
    "number_ported": "number brought over",
    "number_assigned": "number assigned",
    "esim_ready": "eSIM ready",
    "line_active": "line active",
    "number_routed": "number reachable",
    "content_ready": "content ready",
    "contract_running": "contract running",
}


def say(line: str = "") -> None:
    print(line, flush=True)


def order(told: Told, *, position: int) -> None:
    """What the client did, and what the quote promised."""
    say()
    say(f"{position}. {told.title}: {told.number}")
    say("─" * WIDTH)
    for line in told.story:
        for part in wrap(line, WIDTH - 5, initial_indent="   ", subsequent_indent="     "):
            say(part)
    say("   promised:")
    _promise(told.promised)


def third_party(story: Iterable[str]) -> None:
    """What the shopper bought on her bill."""
    say("The shopper")
    for line in story:
        say(f"   {line}")


def after(told: Told, *, audit: Audit) -> None:
    """How the order went, and its bills."""
    found = audit.orders[told.number]
    say()
    channels = " and ".join(channel.replace("_", " ") for channel in found["channels"])
    agent = f", prepared by {found['agent']}" if found["agent"] else ""
    say(f"{told.number}, by {channels}{agent}")
    say("─" * WIDTH)
    for at, words in _timeline(found):
        say(f"   {_moment(at):<18}  {words}")
    say(f"   {'bill':<17}{'issued':<12}{'due':<12}{'for':<17}{'billed':>9}{'promised':>10}")
    for bill in audit.bills:
        if told.number in bill.orders:
            say(f"   {_bill_line(bill)}")


def findings(audit: Audit, *, effects: Effects, told: Iterable[Told]) -> None:
    """What the checks say, everything that is wrong by name."""
    say()
    say("Checks")
    say("─" * WIDTH)
    _row("bills as promised", f"{audit.as_promised} of {len(audit.expected)} expected")
    _row("bills issued", str(len(audit.bills)))
    for kind, count in effects.expected.items():
        _row(f"effects: {kind}", str(count))
    missing, unexpected = audit.differences()
    _wrong("bill is missing", [_expected(bill) for bill in missing])
    _wrong("bill was not expected", [_expected(bill) for bill in unexpected])
    _wrong("bill is not as promised", [b.number for b in audit.bills if not b.as_promised])
    _wrong("account is held", [_parked(account) for account in audit.parked])
    _wrong("effect is missing", [" ".join(identity) for identity in effects.missing])
    _wrong("effect happened twice", [" ".join(identity) for identity in effects.doubled])
    _wrong("effect nobody asked for", [" ".join(identity) for identity in effects.unasked])
    _wrong("task fell out", [f"{action} x {n}: {cause}" for cause, action, n in audit.fallout])
    _wrong("lines are not as asked", items_that_differ(told, audit))


def verdict(*, right: bool, sabotage: str | None) -> None:
    """One sentence."""
    if right:
        say("\nEverything is as it was promised.")
    elif sabotage:
        say(f"\nThe checks found the planted fault ({sabotage}).")
    else:
        say("\nSomething is not as it was promised; see above.")


def items_that_differ(told: Iterable[Told], audit: Audit) -> list[str]:
    """Orders whose lines are not those that the client asked for."""
    wrong = []
    for one in told:
        has = Counter(
            (item["role"], item["offering"]) for item in audit.orders[one.number]["items"]
        )
        if has != one.asked:
            wrong.append(f"{one.number}: {dict(has)} in place of {dict(one.asked)}")
    return wrong


def _promise(promised: Promised) -> None:
    _row("today, with tax", _euros(promised.today))
    for first, periods, amount in promised.phases:
        last = f"to {first + periods - 1}" if periods else "on"
        _row(f"each month, from month {first} {last}, {promised.basis}", _euros(amount))
    _row(f"in all over {promised.months} months, {promised.basis}", _euros(promised.total))
    if promised.applied:
        say(f"     with {'; '.join(promised.applied)}")


def _timeline(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Steps of the order and what was reached on the way; the same at many lines is told once."""
    told = [
        (step["at"], f"{_ORDER_WORDS.get(step['state'], step['state'])}{_by(step)}")
        for step in found["steps"]
    ]
    last: dict[str, str] = {}
    count: Counter[str] = Counter()
    for milestone in found["milestones"]:
        code = milestone["code"]
        count[code] += 1
        if milestone["at"]:
            last[code] = max(last.get(code, ""), milestone["at"])
    for code, at in last.items():
        times = f" ({count[code]} times)" if count[code] > 1 else ""
        told.append((at, f"{_MILESTONES.get(code, code)}{times}"))
    return sorted(told, key=lambda entry: datetime.fromisoformat(entry[0]))


def _by(step: Mapping[str, Any]) -> str:
    return "" if step["by"] == "system" else f" ({step['by']})"


def _bill_line(bill: Bill) -> str:
    what = "the order" if bill.kind == "order" else bill.period.split(" to ")[0] + " on"
    mark = "as promised" if bill.as_promised else "NOT AS PROMISED"
    return (
        f"{bill.number:<17}{bill.issued_on.isoformat():<12}{bill.due_on.isoformat():<12}"
        f"{what:<17}{bill.billed:>9.2f}{bill.promised:>10.2f}  {mark}"
    )


def _expected(bill: Any) -> str:
    when = f" of {bill.on}" if bill.on else ""
    return f"{', '.join(bill.orders)}: {bill.kind}{when}, {bill.amount} EUR"


def _parked(account: Mapping[str, Any]) -> str:
    reasons = "; ".join(
        ", ".join(f"{name} {value}" for name, value in reason.items() if value)
        for reason in account["reasons"][:3]
    )
    return f"{account['rule']}: {reasons}"


def _wrong(what: str, entries: Sequence[str]) -> None:
    for entry in entries[:20]:
        say(f"   ! {what}: {entry}")
    if len(entries) > 20:
        say(f"   ! {what}: {len(entries) - 20} more")


def _row(label: str, figure: str) -> None:
    say(f"     {label:<56}{figure:>20}")


def _euros(amount: Decimal) -> str:
    return f"{amount:,.2f} EUR"


def _moment(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(_PARIS).strftime("%d %b %Y %H:%M")
