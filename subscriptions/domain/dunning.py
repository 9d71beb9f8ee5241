"""Dunning: what becomes of bills that stay open, by a policy that is data. Pure.

A policy is a table of steps: so many days after the due day, under these conditions, that is done.
Steps are due in their order, and never sooner after one another than the policy says: who was left
alone for a while (a promise to pay, a pause, a machine that stood still) goes on where he was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from typing import Any

from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money


class Action(StrEnum):
    """`RETRY` charges the saved card again. `RESTRICT`, `SUSPEND` and `TERMINATE` are grades: each
    is harder than the one before, and every one is carried out by orders."""

    RETRY = "retry"
    MESSAGE = "message"
    RESTRICT = "restrict"
    SUSPEND = "suspend"
    TERMINATE = "terminate"


GRADES = (Action.RESTRICT, Action.SUSPEND, Action.TERMINATE)
"""From the mildest to the hardest."""


SEGMENTS = ("consumer", "business")


class EntryKind(StrEnum):
    """What a case's history tells."""

    OPENED = "opened"
    STEP = "step"
    PROMISED = "promised"
    KEPT = "kept"
    BROKEN = "broken"
    RETRACTED = "undone"
    FEE = "fee"
    INTEREST = "interest"
    WAIVED = "waived"
    GIVEN_BACK = "returned"
    LOST = "lost"
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"


class CaseState(StrEnum):
    """What a case does just now."""

    RUNNING = "running"
    PROMISED = "promised"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Step:
    """`days` after the due day of the oldest bill that is overdue. `message` is what `MESSAGE`
    sends. Done only where at least `least` is overdue, and in `segment` (empty: in all)."""

    code: str
    days: int
    action: Action
    message: str = ""
    least: Money = field(default_factory=Money.zero)
    segment: str = ""


@dataclass(frozen=True, slots=True)
class PromiseRules:
    """How far off a promised day may be, and how many promises a case allows."""

    days: int
    times: int


@dataclass(frozen=True, slots=True)
class LateFee:
    """What each bill costs that is not paid on its day, once, without tax, in `segment`."""

    amount: Money
    segment: str


class InterestWhen(StrEnum):
    """Interest is asked for once a bill is `PAID`, or `MONTHLY` while it is not, too."""

    PAID = "paid"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class InterestRules:
    """Who is asked for interest on a late bill and when; less than `least` is not asked for. At
    which rates, the market says."""

    segment: str
    when: InterestWhen
    least: Money


@dataclass(frozen=True, slots=True)
class DepositRules:
    """What may be asked of whom, to be held against what he may leave unpaid: an amount for each
    mark that his cases left, the hardest grade of each and `LOST`. It is settled `days` after the
    last bill of his last contract could come."""

    amounts: Mapping[str, Money]
    days: int

    def asked_of(self, marks: Iterable[str]) -> Money:
        """The highest of them; zero of whom nothing is known."""
        known = (self.amounts[mark] for mark in marks if mark in self.amounts)
        return max(known, default=Money.zero())


@dataclass(frozen=True, slots=True)
class Policy:
    """`steps` by their days. After a refusal for one of the reasons in `hard` a card is not charged
    again: another one has to be chosen."""

    steps: tuple[Step, ...]
    hard: frozenset[str]
    promise: PromiseRules
    late_fee: LateFee | None = None
    deposit: DepositRules | None = None
    interest: InterestRules | None = None

    def interest_in(self, segment: str) -> InterestRules | None:
        """How it is asked for interest there; None: not at all."""
        return self.interest if self.interest and self.interest.segment == segment else None

    def fee_in(self, segment: str) -> Money | None:
        """What a late bill costs there; None: nothing."""
        if self.late_fee is None or self.late_fee.segment != segment:
            return None
        return self.late_fee.amount


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as it stands: overdue is `owed`, the oldest of it since the due day `since`.

    `done` says which steps were done on which day. Until `promised_for` (that day included) it
    waits for the money. `card_refused`: the chosen card was refused for good. `post_days`: how many
    days its messages that go by post are given to arrive; all that follows one comes so much later.
    """

    since: date
    owed: Money
    segment: str
    done: Mapping[str, date] = field(default_factory=dict)
    promises: int = 0
    promised_for: date | None = None
    paused: bool = False
    card_refused: bool = False
    post_days: Mapping[str, int] = field(default_factory=dict)

    @property
    def state(self) -> CaseState:
        if self.paused:
            return CaseState.PAUSED
        return CaseState.PROMISED if self.promised_for is not None else CaseState.RUNNING


@dataclass(frozen=True, slots=True)
class Coming:
    """A step that is still to come, and its day as things stand."""

    step: Step
    on: date


def coming(case: Standing, policy: Policy, *, today: date) -> tuple[Coming, ...]:
    """What will happen and when if nothing is paid, in order; from the day after a promise on."""
    begins = today
    if case.promised_for is not None:
        begins = max(today, case.promised_for + timedelta(days=1))
    return tuple(sorted(_coming(case, policy, begins=begins), key=lambda each: each.on))


def _coming(case: Standing, policy: Policy, *, begins: date) -> Iterator[Coming]:
    counts_from = case.since
    for step in policy.steps:
        if not _applies(step, case):
            continue
        after = timedelta(days=step.days)
        on = case.done.get(step.code)
        if on is None:
            on = max(begins, counts_from + after)
            yield Coming(step, on)
        if step.action is Action.MESSAGE:
            on += timedelta(days=case.post_days.get(step.message, 0))
        if step.action is not Action.RETRY:
            counts_from = max(counts_from, on - after)


def due_steps(case: Standing, policy: Policy, *, today: date) -> tuple[Step, ...]:
    """What is to be done today; nothing while a promise runs or the case is paused."""
    if case.state is not CaseState.RUNNING:
        return ()
    return tuple(each.step for each in coming(case, policy, today=today) if each.on <= today)


def grade_of(done: Mapping[str, date], policy: Policy) -> Action | None:
    """The hardest grade that was reached."""
    reached = {step.action for step in policy.steps if step.code in done}
    return next((grade for grade in reversed(GRADES) if grade in reached), None)


def check_promise(case: Standing, policy: Policy, *, on: date, today: date) -> None:
    """Whether it may be promised today to pay on the day `on`.

    Raises:
        RuleViolated: `promised_already`, `promised_too_often`.
        InvalidInput: `promise_day`, with the `latest` day.
    """
    if case.promised_for is not None:
        raise RuleViolated("There is a promise to pay already.", code="promised_already")
    if case.promises >= policy.promise.times:
        raise RuleViolated(
            "No further promise is possible: please pay, or call us.", code="promised_too_often"
        )
    latest = today + timedelta(days=policy.promise.days)
    if not today < on <= latest:
        raise InvalidInput(
            f"Choose a day from tomorrow to {latest:%d/%m/%Y}.",
            code="promise_day",
            field="on",
            latest=latest.isoformat(),
        )


def is_hard(reason: str, policy: Policy) -> bool:
    """Whether a card that was refused for the provider's `reason` is not worth another try."""
    return reason in policy.hard


def read_policy(said: Mapping[str, Any], *, currency: str = "EUR") -> Policy:
    """The policy that plain data describe: see docs/decisions.

    Raises:
        InvalidInput: `dunning_policy`; the sentence says what is wrong and where.
    """
    known = {"steps", "hard_declines", "promise", "late_fee", "deposit", "interest"}
    _only(said, known, where="the policy")
    rows = said.get("steps")
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise _wrong("steps must be a list that is not empty")
    steps = tuple(_step(row, place, currency=currency) for place, row in enumerate(rows, start=1))
    codes = [step.code for step in steps]
    for code in codes:
        if codes.count(code) > 1:
            raise _wrong(f"two steps are called {code}")
    ordered = tuple(sorted(steps, key=lambda step: step.days))
    for segment in SEGMENTS:
        _check_grades([step for step in ordered if step.segment in ("", segment)])
    hard = said.get("hard_declines", ())
    if isinstance(hard, str) or not all(isinstance(reason, str) for reason in hard):
        raise _wrong("hard_declines must be a list of the provider's reasons")
    promise = said.get("promise", {})
    if not isinstance(promise, Mapping):
        raise _wrong("promise must say days and times")
    _only(promise, {"days", "times"}, where="promise")
    rules = PromiseRules(
        _whole(promise.get("days", 0), "promise.days"),
        _whole(promise.get("times", 0), "promise.times"),
    )
    fee = _fee(said["late_fee"], currency=currency) if "late_fee" in said else None
    deposit = _deposit(said["deposit"], currency=currency) if "deposit" in said else None
    interest = _interest(said["interest"], currency=currency) if "interest" in said else None
    return Policy(ordered, frozenset(hard), rules, fee, deposit, interest)


def _applies(step: Step, case: Standing) -> bool:
    if step.segment not in ("", case.segment):
        return False
    if step.code in case.done:
        return True
    if step.action is Action.RETRY and case.card_refused:
        return False
    return case.owed >= step.least


def _step(row: Any, place: int, *, currency: str) -> Step:
    where = f"step {place}"
    if not isinstance(row, Mapping):
        raise _wrong(f"{where} must have a code, days and an action")
    _only(row, {"code", "days", "action", "message", "least", "segment"}, where=where)
    code = row.get("code")
    if not isinstance(code, str) or not code or len(code) > 40:
        raise _wrong(f"{where} needs a code of at most 40 characters")
    where = f"step {code}"
    if row.get("action") not in list(Action):
        raise _wrong(f"{where}: action must be one of {', '.join(Action)}")
    action, message = Action(row["action"]), row.get("message", "")
    if not isinstance(message, str) or bool(message) is not (action is Action.MESSAGE):
        raise _wrong(f"{where}: a message is what the action message needs, and no other")
    return Step(
        code=code,
        days=_whole(row.get("days"), f"{where}: days"),
        action=action,
        message=message,
        least=_amount(row.get("least", "0"), f"{where}: least", currency=currency),
        segment=_segment(row, where=where),
    )


def _fee(row: Any, *, currency: str) -> LateFee:
    if not isinstance(row, Mapping) or "amount" not in row:
        raise _wrong("late_fee must say an amount")
    _only(row, {"amount", "segment"}, where="late_fee")
    amount = _amount(row["amount"], "late_fee: amount", currency=currency)
    if not row.get("segment"):
        raise _wrong("late_fee must say its segment: few laws let everybody pay one")
    return LateFee(amount, _segment(row, where="late_fee"))


def _interest(row: Any, *, currency: str) -> InterestRules:
    if not isinstance(row, Mapping) or row.get("when") not in list(InterestWhen):
        raise _wrong(f"interest must say when: {', '.join(InterestWhen)}")
    _only(row, {"segment", "when", "least"}, where="interest")
    if not row.get("segment"):
        raise _wrong("interest must say its segment: few laws let everybody pay it")
    least = _amount(row.get("least", "0"), "interest: least", currency=currency)
    return InterestRules(
        _segment(row, where="interest"),
        InterestWhen(row["when"]),
        max(least, Money.of("0.01", currency)),
    )


def _deposit(row: Any, *, currency: str) -> DepositRules:
    if not isinstance(row, Mapping) or not isinstance(row.get("amounts"), Mapping):
        raise _wrong("deposit must say days and amounts")
    _only(row, {"amounts", "days"}, where="deposit")
    _only(row["amounts"], {*GRADES, EntryKind.LOST}, where="deposit: amounts")
    amounts = {
        str(mark): _amount(said, f"deposit: {mark}", currency=currency)
        for mark, said in row["amounts"].items()
    }
    return DepositRules(amounts, _whole(row.get("days"), "deposit: days"))


def _segment(row: Mapping[str, Any], *, where: str) -> str:
    segment: str = row.get("segment", "")
    if segment not in ("", *SEGMENTS):
        raise _wrong(f"{where}: segment must be consumer or business")
    return segment


def _amount(said: Any, where: str, *, currency: str) -> Money:
    try:
        amount = Decimal(str(said))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise _wrong(f"{where} must be an amount")
    return Money(amount, currency)


def _check_grades(steps: Sequence[Step]) -> None:
    """Nobody's line is cut off without a word before, however little is owed; nor is it restricted
    after it was cut off. The steps are those of one segment."""
    grades = [step for step in steps if step.action in GRADES]
    messages = [step for step in steps if step.action is Action.MESSAGE]
    for step in grades:
        if not any(told.days < step.days and told.least <= step.least for told in messages):
            raise _wrong(f"step {step.code}: no message comes before it to all who owe as much")
    for milder, harder in pairwise(grades):
        if GRADES.index(milder.action) >= GRADES.index(harder.action):
            raise _wrong(f"step {harder.code}: it is no harder than {milder.code} before it")
        if milder.days == harder.days:
            raise _wrong(f"step {harder.code}: it comes on the same day as {milder.code}")


def _whole(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(f"{where} must be a whole number, zero or more")
    return value


def _only(said: Mapping[str, Any], known: set[str], *, where: str) -> None:
    unknown = sorted(str(name) for name in set(said) - known)
    if unknown:
        raise _wrong(f"{where} says {', '.join(unknown)}, which nobody reads")


def _wrong(sentence: str) -> InvalidInput:
    return InvalidInput(f"Dunning policy: {sentence}.", code="dunning_policy")
