"""Random lives of five years, the same for the same seed, in which the boundaries come often."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from tests.proof.billing.catalogue import goes_on, option, plan, pooled, renewal
from tests.proof.billing.cycles import ONE_DAY, Cycles, add_months
from tests.proof.billing.facts import (
    Account,
    Bought,
    Buyer,
    Compensated,
    Contract,
    CycleDayMoved,
    Fact,
    GivenBack,
    HandedOver,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    LimitSet,
    LinesDiscounted,
    OneOff,
    PaidLate,
    PlanChanged,
    Renewed,
    Returned,
    Span,
    Suspended,
    TakenOver,
    Terminated,
    TermsAnnounced,
    Usage,
    Used,
    Withdrawn,
)
from tests.proof.billing.seen import Running, Seen, cycles_of, facts_by, first_cycle_day

RATES = (
    ("standard", Decimal(20)),
    ("reduced", Decimal(10)),
    ("press", Decimal("2.1")),
    ("exempt", Decimal(0)),
)
FIRST, LAST = date(2021, 2, 1), date(2026, 12, 31)
MONTHS = 60
DAYS_TO_WITHDRAW = 14
LEAP_DAYS = (date(2024, 2, 29), date(2028, 2, 29))
T = TypeVar("T")


def clock_changes(years: Iterable[int]) -> list[date]:
    """The last Sundays of March and of October."""
    ends = [date(year, month, 31) for year in years for month in (3, 10)]
    return [end - timedelta(days=(end.weekday() + 1) % 7) for end in ends]


CLOCK_CHANGES = clock_changes(range(2021, 2032))
EDGES = (*LEAP_DAYS * 4, *CLOCK_CHANGES)


def life(seed: int) -> Life:
    """One random life."""
    return _Author(Random(seed)).life()


class _Author:
    """Writes one life: first what is sold, then what happens to it, then what came of it late."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.facts: list[Fact] = []
        self.contracts: list[Contract] = []
        first = self._activation(FIRST, LAST)
        self.start, self.until = first, add_months(first, MONTHS)
        self.account = self._account(first)
        self.shares = rng.random() < 0.3
        self.cycles = Cycles(self.account.cycle_day or min(first.day, 28))
        self._sell(first)

    def life(self) -> Life:
        """What was written, with the entries numbered as they became known."""
        self._move_the_cycle_day()
        for contract in self.contracts:
            self._tell(contract)
        self._speak_of_the_account()
        return self._written()

    def _items(self) -> Seen:
        """What runs on which day, as far as it is written."""
        return Seen(self._written(), by=self.until, known=self.until)

    def _written(self) -> Life:
        self.facts.sort(key=lambda fact: fact.known)
        self.facts = [replace(fact, entry=entry) for entry, fact in enumerate(self.facts)]
        return Life(self.account, tuple(self.contracts), tuple(self.facts), self.until)

    # What is sold

    def _account(self, first: date) -> Account:
        if self.rng.random() < 0.65:
            joins = self.rng.random() < 0.15
            return Account(Buyer.CONSUMER, self.rng.randint(1, 28) if joins else None, RATES)
        own = self.rng.random() < 0.3
        return Account(
            Buyer.BUSINESS, min(first.day, 28) if own else self.rng.randint(1, 28), RATES
        )

    def _sell(self, first: date) -> None:
        lines = self.rng.choices((1, 2, 3, 4), (50, 28, 14, 8))[0]
        for number in range(lines):
            on = first if number == 0 else self._activation(first, add_months(first, 36))
            code = f"line-{number + 1}"
            if number and self.rng.random() < 0.15:
                self.contracts.append(self._taken_over(code, on))
            else:
                self.contracts.append(self._contract(code, on))

    def _plan(self, code: str, *, sold: bool) -> Item:
        chosen = plan(self.rng, code, sold=sold)
        return pooled(chosen) if self.shares and self.rng.random() < 0.7 else chosen

    def _taken_over(self, code: str, on: date) -> Contract:
        """From another holder, on the first day of a contract month of his."""
        since = on - timedelta(days=self.rng.randint(20, 400))
        own = self.rng.random() < 0.7
        taken = TakenOver(since, min(since.day, 28) if own else self.rng.randint(1, 28))
        cycles, month = Cycles(taken.cycle_day), 2
        while cycles.month_start(since, month) < on:
            month += 1
        begins = cycles.month_start(since, month)
        fresh = self._contract(code, begins)
        return replace(
            fresh,
            ordered=begins - timedelta(days=self.rng.randint(1, 28)),
            plan=goes_on(fresh.plan),
            options=tuple(map(goes_on, fresh.options)),
            taken_over=taken,
        )

    def _contract(self, code: str, on: date) -> Contract:
        ported = self.rng.random() < 0.35
        wait = self.rng.randint(1, 20) if ported else self.rng.choice((0, 0, 0, 1, 2))
        commitment = self.rng.choice((0, 12, 24, 24, 24))
        return Contract(
            code,
            ordered=on - timedelta(days=wait),
            activated=on,
            plan=self._plan(f"{code} plan", sold=True),
            options=tuple(
                option(self.rng, f"{code} option {number}")
                for number in range(self.rng.choice((0, 0, 1, 1, 2)))
            ),
            commitment=commitment,
            subsidised=commitment > 0 and self.rng.random() < 0.5,
        )

    def _activation(self, low: date, high: date) -> date:
        some = low + timedelta(days=self.rng.randint(0, (high - low).days))
        last = add_months(some.replace(day=1), 1) - ONE_DAY
        ends = [last, last - ONE_DAY, last - 2 * ONE_DAY, last + ONE_DAY]
        edges = [day for day in EDGES if low <= day <= high]
        chosen = self.rng.random()
        if chosen < 0.3:
            return min(max(self.rng.choice(ends), low), high)
        return self.rng.choice(edges) if chosen < 0.4 and edges else some

    # What happens

    def _move_the_cycle_day(self) -> None:
        for _ in range(self.rng.choices((0, 1, 2), (60, 20, 20))[0]):
            known = self._day(self.start, self.until)
            self._add(CycleDayMoved(entry=0, known=known, day=self.rng.randint(1, 28)))
        written = self._written()
        self.cycles = cycles_of(
            first_cycle_day(written), facts_by(written, self.until, CycleDayMoved)
        )

    def _tell(self, contract: Contract) -> None:
        on = contract.activated
        assert on is not None
        consumer, sold = self.account.buyer is Buyer.CONSUMER, contract.taken_over is None
        if consumer and sold and self.rng.random() < 0.19:
            self._withdraw(contract, on)
            return
        end, asked = self.until, None
        if self.rng.random() < 0.45:
            end, asked = self._end(contract, on)
        self._send_back(contract, self.until)
        self._change_plans(contract, on, end)
        self._announce(contract, on, end, asked)
        self._renew(contract, on, end)
        self._change_options(contract, on, end)
        self._suspend(contract, on, end)
        items = self._items()
        self._use(contract, items, on, end)
        self._buy(contract, on, end)

    def _withdraw(self, contract: Contract, on: date) -> None:
        day = contract.ordered + timedelta(days=self.rng.randint(1, DAYS_TO_WITHDRAW))
        last = contract.ordered + timedelta(days=DAYS_TO_WITHDRAW)
        if on < last and self.rng.random() < 0.5:
            day = on + timedelta(days=self.rng.randint(1, (last - on).days))
        if day <= on:
            place = self.contracts.index(contract)
            self.contracts[place] = replace(contract, activated=None)
        early = self.rng.random() < 0.6
        self._send_back(contract, day)
        self._add(Withdrawn(entry=0, known=day, contract=contract.code, on=day, early=early))
        self._use(contract, self._items(), on, max(on, day - ONE_DAY))

    def _send_back(self, contract: Contract, before: date) -> None:
        """The handset, or something else that came with the order."""
        for charge in contract.plan.charges:
            if isinstance(charge, OneOff) and self.rng.random() < 0.35:
                known = contract.ordered + timedelta(days=self.rng.randint(1, DAYS_TO_WITHDRAW))
                if known < before:
                    self._add(
                        Returned(
                            entry=0,
                            known=known,
                            contract=contract.code,
                            item=contract.plan.code,
                            charge=charge.code,
                        )
                    )

    def _end(self, contract: Contract, on: date) -> tuple[date, date | None]:
        """The last day on which something is done, and when the end was asked for."""
        end = self._day(on + ONE_DAY, self.until)
        if self.rng.random() < 0.2:
            self._add(HandedOver(entry=0, known=end, contract=contract.code))
            return end, None
        if contract.commitment and self.rng.random() < 0.6:
            elapsed = add_months(on, self.rng.choice((1, 6, 11, 12, 13, 18, contract.commitment)))
            end = min(elapsed, self.until)
        known = max(on, end - timedelta(days=self.rng.choice((0, 3, 10, 10, 40))))
        fee = self.rng.random() < 0.8
        self._add(Terminated(entry=0, known=known, contract=contract.code, on=end, fee=fee))
        return end, known if fee else None

    def _change_plans(self, contract: Contract, on: date, end: date) -> None:
        for number in range(self.rng.choices((0, 1, 2, 3), (25, 35, 25, 15))[0]):
            day = self._day(on, end)
            chosen = self.rng.random()
            if chosen < 0.2:
                self._change_plan(contract, f"{number}", known=day, on=None)
            elif chosen < 0.4:
                later = day + timedelta(days=self.rng.randint(2, 50))
                sooner = day + timedelta(days=self.rng.randint(0, (later - day).days - 1))
                self._change_plan(contract, f"{number} later", known=day, on=later)
                self._change_plan(contract, f"{number} sooner", known=sooner, on=sooner)
            else:
                self._change_plan(contract, f"{number}", known=self._known(day, on), on=day)

    def _change_plan(self, contract: Contract, name: str, *, known: date, on: date | None) -> None:
        another = self._plan(f"{contract.code} plan + {name}", sold=False)
        self._add(PlanChanged(entry=0, known=known, contract=contract.code, plan=another, on=on))

    def _change_options(self, contract: Contract, on: date, end: date) -> None:
        for item in contract.options:
            if self.rng.random() < 0.5:
                self._remove(contract, item.code, since=on, known=on, end=end)
        for number in range(self.rng.choices((0, 1, 2, 3), (30, 35, 25, 10))[0]):
            day = self._day(on, end)
            known = self._known(day, on)
            added = option(self.rng, f"{contract.code} option + {number}")
            self._add(ItemAdded(entry=0, known=known, contract=contract.code, item=added, on=day))
            if self.rng.random() < 0.6:
                self._remove(contract, added.code, since=day, known=known, end=end)

    def _remove(
        self, contract: Contract, item: str, *, since: date, known: date, end: date
    ) -> None:
        day = self._day(since, max(since, end))
        known = max(known, self._known(day, since))
        self._add(ItemRemoved(entry=0, known=known, contract=contract.code, item=item, on=day))

    def _suspend(self, contract: Contract, on: date, end: date) -> None:
        free_from = on
        for _ in range(self.rng.choices((0, 1, 2), (45, 35, 20))[0]):
            if free_from >= end:
                return
            start = self._day(free_from, end)
            cycle = self.cycles.containing(start)
            to = self.rng.choice(
                (
                    start + timedelta(days=self.rng.randint(1, 10)),
                    start + timedelta(days=self.rng.randint(20, 70)),
                    cycle.end,
                    cycle.end + timedelta(days=self.rng.randint(1, 10)),
                )
            )
            known = self.rng.choice((start, start, to))
            billed = self.rng.random() < 0.35
            days = Span(start, to)
            self._add(
                Suspended(entry=0, known=known, contract=contract.code, days=days, billed=billed)
            )
            free_from = to

    def _announce(self, contract: Contract, on: date, end: date, asked: date | None) -> None:
        """Another plan in the place of the present one, often shortly before he leaves."""
        for number in range(self.rng.choices((0, 1, 2), (65, 28, 7))[0]):
            known = self._day(on, end)
            if asked is not None and self.rng.random() < 0.6:
                first, last = self.rng.choice(((0, 190), (125, 165)))
                known = max(on, asked - timedelta(days=self.rng.randint(first, last)))
                if known < asked and self.rng.random() < 0.3:
                    again = known + timedelta(days=self.rng.randint(1, (asked - known).days))
                    self._commit_again(contract, f"knowing {number}", known=again, on=again)
            notice = add_months(known, 1) + timedelta(days=self.rng.choice((-10, 0, 0, 7, 45)))
            successor = self._plan(f"{contract.code} successor {number}", sold=False)
            self._add(
                TermsAnnounced(
                    entry=0,
                    known=known,
                    contract=contract.code,
                    successor=successor,
                    from_on=notice,
                )
            )

    def _renew(self, contract: Contract, on: date, end: date) -> None:
        for number in range(self.rng.choices((0, 1, 2), (60, 30, 10))[0]):
            day = self._day(add_months(on, 6), end) if add_months(on, 6) < end else end
            self._commit_again(contract, f"{number}", known=self._known(day, on), on=day)

    def _commit_again(self, contract: Contract, name: str, *, known: date, on: date) -> None:
        self._add(
            Renewed(
                entry=0,
                known=known,
                contract=contract.code,
                on=on,
                plan=renewal(self.rng, f"{contract.code} renewed {name}"),
                commitment=self.rng.choice((12, 24)),
                subsidised=self.rng.random() < 0.5,
            )
        )

    def _buy(self, contract: Contract, on: date, end: date) -> None:
        """Some purchases in a month, a few of them too many; and what goes back of them."""
        bought = 0
        if self.rng.random() < 0.1:
            limit = Decimal(self.rng.choice((10, 50, 100)))
            known = self._day(on, end)
            self._add(LimitSet(entry=0, known=known, contract=contract.code, month=limit))
        for _ in range(self.rng.choices((0, 1, 2), (50, 35, 15))[0]):
            day, much = self._day(on, end), self.rng.random() < 0.3
            for _ in range(self.rng.randint(6, 9) if much else self.rng.randint(1, 3)):
                bought += 1
                self._buy_one(contract, f"{contract.code} purchase {bought}", day, much=much)
                day = min(day + timedelta(days=self.rng.randint(0, 3)), max(end, day))

    def _buy_one(self, contract: Contract, code: str, day: date, *, much: bool) -> None:
        few = ("0.99", "3.00", "4.99", "12.34", "49.99", "50.00", "50.01")
        price = Decimal(self.rng.choice(("44.90", "49.99", "50.00") if much else few))
        with_tax = self.rng.random() < 0.7
        amount = price if with_tax else (price / Decimal("1.2")).quantize(Decimal("0.001"))
        self._add(
            Bought(
                entry=0,
                known=day,
                contract=contract.code,
                code=code,
                amount=amount,
                with_tax=with_tax,
                tax=self.rng.choice(("standard", "standard", "press")),
            )
        )
        for _ in range(self.rng.choices((0, 1, 2), (60, 20, 20))[0]):
            known = day + timedelta(days=self.rng.choice((0, 1, 5, 30, 60)))
            part = (amount * self.rng.choice((1, 3, 7)) / 10).quantize(Decimal("0.01"))
            self._add(
                GivenBack(
                    entry=0,
                    known=known,
                    contract=contract.code,
                    purchase=code,
                    amount=part if self.rng.random() < 0.6 else None,
                )
            )

    def _use(self, contract: Contract, items: Seen, on: date, end: date) -> None:
        for number in range(self.rng.randint(4, 14)):
            cycle = self.cycles.containing(self._day(on, end))
            for piece in range(self.rng.randint(1, 3)):
                at = self._moment(cycle)
                record = f"{contract.code} {number}.{piece}"
                self._record(contract, items, record, at)

    def _record(self, contract: Contract, items: Seen, record: str, at: datetime) -> None:
        used = Used(
            entry=0, known=at.date(), contract=contract.code, record=record, charge="", at=at,
            quantity=Decimal(0),
        )  # fmt: skip
        day = items.local_day(used)
        if items.is_closed(contract, day):
            return
        for running in items.items(contract, day)[:1]:
            for charge in running.item.charges:
                if isinstance(charge, Usage):
                    share = Decimal(self.rng.randint(1, 1500)) / 1000
                    quantity = (charge.included + 10) * share
                    came = max(self._received(day), self._known_since(contract, running))
                    for known in (came, came + ONE_DAY * 3)[: 1 + (self.rng.random() < 0.1)]:
                        self._add(replace(used, known=known, charge=charge.code, quantity=quantity))

    def _received(self, day: date) -> date:
        year = add_months(day, 12)
        return self.rng.choices(
            (
                day,
                day + timedelta(days=self.rng.randint(1, 6)),
                day + timedelta(days=self.rng.randint(20, 75)),
                self.rng.choice((year - ONE_DAY, year, year + ONE_DAY)),
            ),
            (60, 15, 15, 10),
        )[0]

    def _moment(self, cycle: Span) -> datetime:
        month = cycle.end.replace(day=1)
        edges = (cycle.start, cycle.end - ONE_DAY, month, month - ONE_DAY, *EDGES)
        days = [day for day in edges if day in cycle]
        some = cycle.start + timedelta(days=self.rng.randrange(cycle.days))
        day = self.rng.choice(days) if self.rng.random() < 0.4 else some
        late = self.rng.random() < 0.4
        hour = self.rng.choice((22, 23)) if late else self.rng.randint(0, 21)
        return datetime.combine(day, time(hour, self.rng.randint(0, 59)), UTC)

    def _speak_of_the_account(self) -> None:
        if len(self.contracts) > 1 and self.rng.random() < 0.7:
            for lines in self.rng.choice(((1,), (1, 2), (2,))):
                known = self._day(self.start, add_months(self.start, 24))
                percent = self.rng.choice((Decimal(10), Decimal(15), Decimal("33.33")))
                self._add(LinesDiscounted(entry=0, known=known, lines=lines, percent=percent))
        if len(self.contracts) > 1 and self.rng.random() < 0.35:
            self._buy_on_all_lines()
        for number in range(self.rng.choices((0, 1, 2), (60, 30, 10))[0]):
            amount = Decimal(self.rng.randint(100, 2500)) / 100
            tax = self.rng.choice(("standard", "standard", "reduced"))
            known = self._day(self.start, self.until)
            code = f"goodwill {number}"
            self._add(Compensated(entry=0, known=known, code=code, amount=amount, tax=tax))
        for number in range(self.rng.choices((0, 1, 2, 3), (65, 20, 10, 5))[0]):
            known = self._day(self.start, self.until)
            self._add(PaidLate(entry=0, known=known, code=f"late {number}"))

    def _buy_on_all_lines(self) -> None:
        """In one month, in all more than a person may; one of the lines has a limit of its own."""
        begun = max(contract.activated or contract.ordered for contract in self.contracts)
        day = max(self._day(begun, self.until).replace(day=1), begun)
        line = self.rng.choice(self.contracts).code
        limit = Decimal(self.rng.choice((50, 100, 150)))
        self._add(LimitSet(entry=0, known=day, contract=line, month=limit))
        for number in range(self.rng.randint(7, 10)):
            chosen = self.rng.choice(self.contracts)
            self._buy_one(chosen, f"{chosen.code} shopping {number}", day, much=True)

    # When

    def _day(self, low: date, high: date) -> date:
        """A day from `low` to `high`, often at an edge of something."""
        if low >= high:
            return low
        some = low + timedelta(days=self.rng.randint(0, (high - low).days))
        cycle = self.cycles.containing(some)
        month_end = add_months(some.replace(day=1), 1) - ONE_DAY
        told = [day for day in map(_on, self.facts) if day is not None]
        wanted: list[Sequence[date]] = [
            (some,),
            (cycle.start, cycle.end),
            (cycle.end - ONE_DAY, cycle.start + ONE_DAY),
            (month_end, month_end - ONE_DAY, month_end - 2 * ONE_DAY),
            EDGES,
            told,
            (low,),
        ]
        days = self.rng.choices(wanted, (40, 18, 8, 12, 6, 8, 8))[0]
        return self._one([day for day in days if low <= day <= high]) or some

    def _known(self, on: date, earliest: date) -> date:
        """Mostly the same day, else up to 40 days before or 35 after."""
        chosen = self.rng.random()
        if chosen < 0.2:
            return max(min(on, earliest), on - timedelta(days=self.rng.randint(1, 40)))
        if chosen < 0.35:
            return on + timedelta(days=self.rng.randint(1, 35))
        return on

    def _known_since(self, contract: Contract, running: Running) -> date:
        """Since when it is known that the item runs."""
        starts = [
            fact.known
            for fact in self.facts
            if (isinstance(fact, PlanChanged | Renewed) and fact.plan is running.item)
            or (isinstance(fact, TermsAnnounced) and fact.successor is running.item)
            or (isinstance(fact, ItemAdded) and fact.item is running.item)
        ]
        return max(starts, default=contract.activated or contract.ordered)

    def _one(self, days: Sequence[date]) -> date | None:
        return self.rng.choice(days) if days else None

    def _add(self, fact: Fact) -> None:
        self.facts.append(fact)


def _on(fact: Fact) -> date | None:
    if isinstance(fact, Suspended):
        return fact.days.start
    on = getattr(fact, "on", None)
    return on if isinstance(on, date) else None
