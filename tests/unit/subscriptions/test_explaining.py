"""Why a bill differs from the month before: worked cases, then that the reasons add up."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from subscriptions.domain.explaining import (
    Act,
    Explanation,
    Facts,
    ItemFacts,
    Kept,
    Why,
    explain,
)
from subscriptions.domain.states import LineKind
from subscriptions.domain.views import BillLineView

APRIL = Period(date(2026, 4, 10), date(2026, 5, 10))
MAY = Period(date(2026, 5, 10), date(2026, 6, 10))
OWN = ("F-1", "g1")
PLAN = (*OWN, "plan-1")
CHANGE = ("C-1", "g1")


def line(
    amount: str,
    *,
    period: int = 2,
    days: Period | None = MAY,
    kind: str = LineKind.RECURRING,
    item: str = "plan-1",
    benefit: str = "",
    by: tuple[str, str] = OWN,
    quantity: int = 1,
    promised: str | None = "",
    name: str = "",
) -> BillLineView:
    """`promised` empty: as billed."""
    told = amount if promised == "" else promised
    return BillLineView(
        kind=kind,
        label={"en": name or benefit or item},
        order_number=by[0],
        group=by[1],
        item=item,
        charge="monthly",
        benefit=benefit,
        period=period,
        days=days,
        quantity=quantity,
        amount=Money.of(amount),
        tax_class="standard",
        tax_rate=Decimal(20),
        promised=None if told is None else Money.of(told),
    )


def free(
    amount: str, *, period: int = 2, benefit: str = "half", item: str = "plan-1"
) -> BillLineView:
    return line(amount, period=period, kind=LineKind.BENEFIT, benefit=benefit, item=item)


def told(found: Explanation) -> list[tuple[str, str, str, str]]:
    """Each reason: why, what about, how much, and the day of what the customer did."""
    return [
        (each.why.value, each.label["en"], str(each.amount.amount), str(each.on or ""))
        for each in found.reasons
    ]


@pytest.mark.parametrize(
    ("case", "before", "now", "facts", "expected"),
    [
        ("the same lines give no reason", [line("20.00", period=1)], [line("20.00")], Facts(), []),
        (
            "six months at half price end, on the day that the contract names",
            [line("24.00", period=6, days=APRIL), free("-12.00", period=6)],
            [line("24.00", period=7)],
            Facts({PLAN: ItemFacts(benefits={("monthly", "half"): date(2026, 5, 10)})}),
            [("benefit_ended", "half", "12.00", "2026-05-10")],
        ),
        (
            "an option added within the month: its days once, and its price from now on",
            [line("29.99", period=1, days=APRIL)],
            [
                line("29.99"),
                line(
                    "9.99",
                    period=1,
                    kind=LineKind.PRORATED,
                    item="option-1",
                    by=CHANGE,
                    days=Period(date(2026, 4, 20), MAY.start),
                ),
                line("14.99", item="option-1", by=CHANGE),
            ],
            Facts(acts={CHANGE: Act("add", date(2026, 4, 20))}),
            [
                ("started", "option-1", "14.99", "2026-04-20"),
                ("prorated", "option-1", "9.99", "2026-04-20"),
            ],
        ),
        (
            "the month after, the days of the option are over",
            [
                line("9.99", period=1, kind=LineKind.PRORATED, item="option-1", by=CHANGE),
                line("14.99", item="option-1", by=CHANGE),
            ],
            [line("14.99", period=3, item="option-1", by=CHANGE)],
            Facts(acts={CHANGE: Act("add", date(2026, 4, 20))}),
            [("prorated_over", "option-1", "-9.99", "2026-04-20")],
        ),
        (
            "an option removed: what was not used goes back, and it is billed no more",
            [line("9.90", item="press-1", period=2, days=APRIL)],
            [line("-6.60", item="F-1/press-1", by=CHANGE, kind=LineKind.REPAIR, name="press-1")],
            Facts(
                {(*OWN, "press-1"): ItemFacts(ended_by=CHANGE)},
                {CHANGE: Act("remove", date(2026, 4, 20))},
            ),
            [
                ("ended", "press-1", "-9.90", "2026-04-20"),
                ("repair", "press-1", "-6.60", "2026-04-20"),
            ],
        ),
        (
            "another plan takes the place of the first",
            [line("29.99", days=APRIL)],
            [line("19.99", item="plan-2", by=CHANGE, period=1)],
            Facts({PLAN: ItemFacts(ended_by=CHANGE)}, {CHANGE: Act("plan", date(2026, 5, 10))}),
            [("replaced", "plan-1", "-10.00", "2026-05-10")],
        ),
        (
            "a first month of thirteen days, then a whole one",
            [line("8.66", kind=LineKind.PRORATED, period=1, days=APRIL)],
            [line("19.99")],
            Facts(),
            [("whole_month", "plan-1", "11.33", "")],
        ),
        (
            "what was bought or given back once",
            [line("-5.00", item="late", kind=LineKind.ONE_OFF, days=APRIL)],
            [line("39.00", item="case", kind=LineKind.ONE_OFF, days=None, period=0)],
            Facts(),
            [("one_off", "case", "39.00", ""), ("credit_over", "late", "5.00", "")],
        ),
        (
            "a year paid in advance is not due again",
            [line("120.00", days=Period(APRIL.start, date(2027, 4, 10)))],
            [],
            Facts(),
            [("not_due", "plan-1", "-120.00", "")],
        ),
        (
            "lines of a kind of their own are compared by name",
            [line("1.10", kind="usage", item="u1", name="Calls")],
            [
                line("2.00", kind="usage", item="u2", name="Calls"),
                line("1.20", kind="usage", item="u3", name="Calls"),
                line("4.99", kind="third_party", item="g", name="A game"),
            ],
            Facts(),
            [("varies", "A game", "4.99", ""), ("varies", "Calls", "2.10", "")],
        ),
        (
            "a second piece",
            [line("10.00")],
            [line("20.00", quantity=2)],
            Facts(),
            [("quantity", "plan-1", "10.00", "2026-05-10")],
        ),
    ],
)
def test_reasons(
    case: str,
    before: list[BillLineView],
    now: list[BillLineView],
    facts: Facts,
    expected: list[tuple[str, str, str, str]],
) -> None:
    assert told(explain(now, before=before, facts=facts)) == expected, case


def test_reasons_that_are_alike_are_one_with_all_their_numbers() -> None:
    lines = [line("15.00", by=(f"F-{n}", "g1"), name="Fleet") for n in range(3)]
    facts = Facts(
        {(f"F-{n}", "g1", "plan-1"): ItemFacts(msisdn=f"+3363998000{n}") for n in range(3)}
    )
    (reason,) = explain(lines, before=[], facts=facts).reasons
    assert (reason.count, reason.amount) == (3, Money.of("45.00"))
    assert reason.lines == ("+33639980000", "+33639980001", "+33639980002")


def test_the_promise_is_laid_over_what_it_names() -> None:
    found = explain(
        [
            line("20.00"),
            line("10.00", item="music", promised="8.00"),
            line("3.20", kind="usage", item="u", promised=None),
        ],
        before=None,
        facts=Facts(),
    )
    assert (found.promised, found.billed) == (Money.of("28.00"), Money.of("30.00"))
    assert found.before is None
    assert found.difference == Money.of("33.20")
    assert found.beside == (
        Kept({"en": "music"}, "recurring", MAY, Money.of("10.00"), Money.of("8.00")),
        Kept({"en": "u"}, "usage", MAY, Money.of("3.20"), None),
    )


some_lines = st.lists(
    st.builds(
        lambda amount, period, kind, item, benefit, changed: line(
            str(Decimal(amount) / 100),
            period=period,
            kind=kind,
            item=f"item-{item}",
            benefit=benefit if kind == LineKind.BENEFIT else "",
            by=CHANGE if changed else OWN,
        ),
        amount=st.integers(-5000, 5000),
        period=st.integers(0, 3),
        kind=st.sampled_from([*map(str, LineKind), "usage"]),
        item=st.integers(1, 3),
        benefit=st.sampled_from(["half", "free"]),
        changed=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: (
        each.order_number, each.item, each.period, each.benefit,
        each.kind in (LineKind.RECURRING, LineKind.PRORATED) or each.kind,
    ),
)  # fmt: skip


@given(before=some_lines, now=some_lines, ended=st.sets(st.integers(1, 3)))
def test_the_reasons_add_up_to_the_difference(
    before: list[BillLineView], now: list[BillLineView], ended: set[int]
) -> None:
    facts = Facts(
        {(*OWN, f"item-{n}"): ItemFacts(ended_by=CHANGE) for n in ended},
        {CHANGE: Act(str(Why.REPLACED), MAY.start)},
    )
    found = explain(now, before=before, facts=facts)
    assert found.before is not None
    assert total(each.amount for each in found.reasons) == found.now - found.before
