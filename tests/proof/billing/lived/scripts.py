"""What the customers of the lived proof will do: written before anything happens, by seed.

They act at ten in the morning of two days of each month, its edges among them in turn, so that
three hundred lives share one clock: each day on which somebody's first line begins is a day of
bills in every month to come. What comes of an act, and when, is the system's to say; which money
is due for it the oracle's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

from tests.proof.billing.cycles import ONE_DAY, add_months
from tests.proof.billing.facts import Buyer
from tests.proof.billing.lived.shelf import OPTIONS, PLANS

MONTHS = 60
DAYS = ((18, 31), (1, 14), (9, 20))
"""Of a month and the ones after it, in turn; the 31st or its last day. Firms pay on each of them:
no bill waits thirty days for it. The second is near enough to the first to withdraw on it."""
A_MONTH = 2
SETTLED = timedelta(days=24)
"""After this long nothing of an order waits any more, a porting in a month of holidays included."""
TO_WITHDRAW = timedelta(days=13)
RENEWED_WITHIN = timedelta(days=80)
"""So long before its commitment ends a line may be renewed; the shop has ninety days."""


class Deed(StrEnum):
    """What a customer, or the operator's systems, do to a line."""

    ORDER = "orders a line"
    PLAN = "takes another plan"
    PLAN_LATER = "takes another plan from the next bill on"
    RENEW = "commits anew, with a plan"
    ADD = "adds an option"
    REMOVE = "takes an option off"
    SUSPEND = "has the line stopped"
    RESUME = "lets it go on"
    END = "ends the contract"
    WITHDRAW = "withdraws"
    DEBIT = "has bills debited from a bank account"
    USE = "used"
    COMPENSATE = "is given something back"


@dataclass(frozen=True, slots=True)
class Act:
    """On `day` something is done to a line; `goods` are codes of the shelf, `term` the months of a
    commitment; of a debit `goods` say how its bank behaves (`acting.IBANS`).

    `used` are the local days of records that are told that day; `amount` is of what is given back.
    """

    day: date
    life: int
    line: str
    deed: Deed
    goods: tuple[str, ...] = ()
    term: int = 0
    ported: bool = False
    used: tuple[tuple[date, Decimal], ...] = ()
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Script:
    """A life's acts, in the order in which they come."""

    seed: int
    buyer: Buyer
    acts: tuple[Act, ...]


def days(origin: date, *, months: int) -> tuple[date, ...]:
    """The days on which something may be done, from the first of the month `origin` on."""
    found = []
    for month in range(months):
        first = add_months(origin, month)
        last = add_months(first, 1) - ONE_DAY
        turn = DAYS[month % len(DAYS)]
        found += [min(first + timedelta(days=day - 1), last) for day in turn]
    return tuple(found)


def script(seed: int, *, origin: date, months: int = MONTHS) -> Script:
    """The acts of a life of so many months that begins within two months of the origin."""
    author = _Author(seed, days(origin, months=months + 2), months)
    author.write()
    acts = sorted(author.acts, key=lambda act: (act.day, act.line, _PLACES.get(act.deed, 0)))
    return Script(seed, author.buyer, tuple(acts))


_PLACES = {Deed.COMPENSATE: -1, Deed.USE: 1}
"""Of what happens on one day: what is given back goes by what the line was when it was done."""


@dataclass
class _Author:
    seed: int
    days: tuple[date, ...]
    months: int
    acts: list[Act] = field(default_factory=list)

    def write(self) -> None:
        """One to three lines; the later ones join within eighteen months."""
        self.rng = Random(self.seed)
        self.buyer = Buyer.BUSINESS if self.rng.random() < 0.25 else Buyer.CONSUMER
        first = self.rng.randrange(2 * A_MONTH)
        for number in range(self.rng.choices((1, 2, 3), (55, 33, 12))[0]):
            latest = first + min(self.months, 18) * A_MONTH
            self._line("ABC"[number], first if not number else self.rng.randrange(first, latest))
        self._debit(self.acts[0])

    def _debit(self, begins: Act) -> None:
        """Some of those who began on the first day of all have their bills debited; an account with
        nothing on it is replaced by another one a month later."""
        rng, at = self.rng, self.days.index(self._after(begins.day + SETTLED))
        if self.buyer is Buyer.BUSINESS or begins.ported or begins.day != self.days[0]:
            return
        chosen = rng.choices(("", "good", "slow", "poor"), (50, 25, 10, 15))[0]
        banks = {"": (), "poor": ("poor", "good")}.get(chosen, (chosen,))
        for bank, day in zip(banks, self.days[at::A_MONTH], strict=False):
            self.acts.append(Act(day, self.seed, begins.line, Deed.DEBIT, (bank,)))

    def _line(self, line: str, at: int) -> None:
        rng, on = self.rng, self.days[at]
        consumer = self.buyer is Buyer.CONSUMER
        plan = rng.choice(PLANS).code
        options = rng.sample([one.code for one in OPTIONS], rng.choice((0, 0, 1, 2)))
        if not consumer:
            options = []
        ported = consumer and rng.random() < 0.3
        term = rng.choice((0, 12, 24, 24))
        goods = (plan, *options)
        self.acts.append(Act(on, self.seed, line, Deed.ORDER, goods, term=term, ported=ported))
        within = [day for day in self.days if on < day <= on + TO_WITHDRAW]
        if consumer and not ported and within and rng.random() < 0.15:
            self.acts.append(Act(rng.choice(within), self.seed, line, Deed.WITHDRAW))
            return
        begun = self._after(on + SETTLED)
        bound = add_months(on + SETTLED, term) if term else on
        self._use(line, begun, self._change(line, begun, plan, options, bound=bound))

    def _change(self, line: str, day: date, plan: str, options: list[str], *, bound: date) -> date:
        """Until the end, if there is one; each act waits until the one before is over. The line is
        committed until the day `bound` at the latest."""
        rng = self.rng
        while day < self.days[-1] - SETTLED:
            deed = rng.choices(
                (
                    *(Deed.PLAN, Deed.PLAN_LATER, Deed.ADD, Deed.REMOVE, Deed.SUSPEND, Deed.END),
                    Deed.RENEW,
                ),
                (20, 12, 26, 20, 14, 4, 12),
            )[0]
            goods: tuple[str, ...] = ()
            term, wait = 0, timedelta(days=1)
            if deed in (Deed.PLAN, Deed.PLAN_LATER):
                plan = rng.choice([one.code for one in PLANS if one.code != plan])
                goods, wait = (plan,), timedelta(days=35 if deed is Deed.PLAN_LATER else 1)
            elif deed is Deed.ADD:
                missing = [one.code for one in OPTIONS if one.code not in options]
                if missing:
                    goods = (rng.choice(missing),)
                    options = [*options, *goods]
            elif deed is Deed.REMOVE and options:
                goods = (rng.choice(options),)
                options = [one for one in options if one not in goods]
            elif deed is Deed.RENEW and self._may_renew(day, bound):
                plan, term = rng.choice([plan, rng.choice(PLANS).code]), rng.choice((12, 24))
                goods, bound = (plan,), add_months(day, term)
            if deed in (Deed.ADD, Deed.REMOVE, Deed.RENEW) and not goods:
                continue
            self.acts.append(Act(day, self.seed, line, deed, goods, term=term))
            if deed is Deed.END:
                return day
            if deed is Deed.SUSPEND:
                day = self._after(day + timedelta(days=rng.randint(1, 60)))
                if day == self.days[-1]:
                    break
                self.acts.append(Act(day, self.seed, line, Deed.RESUME))
            elif rng.random() < 0.15:
                given = Decimal(rng.randint(100, 900)) / 100
                self.acts.append(Act(day, self.seed, line, Deed.COMPENSATE, amount=given))
            if rng.random() < 0.8:
                wait = max(wait, timedelta(days=rng.randint(30, 200)))
            day = self._after(day + wait)
        return self.days[-1]

    def _may_renew(self, day: date, bound: date) -> bool:
        return self.buyer is Buyer.CONSUMER and day >= bound - RENEWED_WITHIN

    def _use(self, line: str, begun: date, ended: date) -> None:
        """Records are told within days, later, or a year after their day."""
        rng = self.rng
        for day in self.days:
            if not begun < day <= ended or rng.random() < 0.8:
                continue
            delay = rng.choices(("soon", "late", "a year"), (70, 20, 10))[0]
            if delay == "a year":
                used = [add_months(day, -12) + timedelta(days=rng.choice((-1, 0, 1)))]
            else:
                first = 1 if delay == "soon" else 35
                used = [day - timedelta(days=first + rng.randint(0, 9)) for _ in range(3)]
            told = tuple(
                (at, Decimal(rng.randint(1, 160_000)) / 1000) for at in used if begun <= at < ended
            )
            if told:
                self.acts.append(Act(day, self.seed, line, Deed.USE, used=told))

    def _after(self, day: date) -> date:
        """The next day on which something may be done; the last one if there is none."""
        return next((one for one in self.days if one >= day), self.days[-1])


def by_day(scripts: list[Script]) -> Iterator[tuple[date, list[Act]]]:
    """The acts of all lives, day by day."""
    found: dict[date, list[Act]] = {}
    for each in scripts:
        for act in each.acts:
            found.setdefault(act.day, []).append(act)
    yield from sorted(found.items())
