"""What holds for every cart."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.kernel.money import Money
from commerce.kernel.tax import Basis, tax_parts
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.trace import replay
from subscriptions.domain.charges import due_in_period, net_in_period
from tests.unit.ordering.shop import SIX_FREE, benefit, cart, line, pair, priced, promotion

LOOSE = st.lists(
    st.tuples(
        st.sampled_from(["case", "buds", "horizon", "gazette", "insurance", "sim", "oldie"]),
        st.integers(1, 999),
    ),
    max_size=6,
)
KINDS = st.sampled_from(["accessory", "plan", "content", "option", "handset"])
PLAN, ACCESSORY = ({"fact": "line.kind", "is": kind} for kind in ("plan", "accessory"))
VALUES = st.decimals("0", "100", places=2).map(str)


@st.composite
def benefits(draw: st.DrawFn, on: str, more: dict[str, object]) -> dict[str, object]:
    """One of any kind on offerings of a kind."""
    kind = draw(
        st.sampled_from(["percent_off", "amount_off", "fixed_price", "free_item", "bundle_price"])
    )
    found = benefit(kind, draw(VALUES), on=on, **more)
    if kind == "free_item":
        found |= {
            "buy": draw(st.integers(0, 3)),
            "free": draw(st.integers(1, 2)),
            "most": draw(st.sampled_from([None, 1, 5])),
            "pick": draw(st.sampled_from(["cheapest", "dearest"])),
        }
    elif kind == "bundle_price":
        targets = [found.pop("target"), draw(st.sampled_from([None, PLAN, ACCESSORY]))]
        found |= {
            "items": [
                {"target": target, "pieces": draw(st.integers(1, 3))}
                for target in targets[: draw(st.integers(1, 2))]
            ],
            "most": draw(st.sampled_from([None, 1, 2])),
        }
    return found


@st.composite
def promotion_lists(draw: st.DrawFn) -> list[Mapping[str, object]]:
    found = []
    for number in range(draw(st.integers(0, 6))):
        on = draw(KINDS)
        more: dict[str, object] = {}
        if on in ("plan", "content", "option"):
            more = {"first": draw(st.integers(1, 14)), "periods": draw(st.integers(1, 13))}
        found.append(
            promotion(
                f"p{number}",
                when={"fact": "kinds", "includes": on},
                benefits=[draw(benefits(on, more))],
                group=draw(st.sampled_from(["g", "h", f"own{number}"])),
                priority=draw(st.integers(0, 2)),
                exclusive=draw(st.booleans()),
            )
        )
    return found


@st.composite
def baskets(draw: st.DrawFn) -> list[CartLine]:
    lines = [
        line(f"l{index}", code, quantity=quantity)
        for index, (code, quantity) in enumerate(draw(LOOSE))
    ]
    for group in draw(st.sampled_from([(), ("g1",), ("g1", "g2")])):
        lines += pair(group=group, term=draw(st.sampled_from([0, 12, 24])))
    return lines


@settings(max_examples=60)
@given(basket=baskets(), promotions=promotion_lists(), seed=st.randoms())
def test_the_order_of_lines_and_promotions_changes_nothing(
    basket: list[CartLine], promotions: list[Mapping[str, object]], seed: object
) -> None:
    found = priced(cart(*basket), *promotions)
    mixed, rows = list(basket), list(promotions)
    seed.shuffle(mixed)  # type: ignore[attr-defined]
    seed.shuffle(rows)  # type: ignore[attr-defined]

    assert priced(cart(*mixed), *rows) == found


@settings(max_examples=60)
@given(basket=baskets(), promotions=promotion_lists())
def test_lines_sum_to_totals_and_each_amount_to_its_months(
    basket: list[CartLine], promotions: list[Mapping[str, object]]
) -> None:
    found = priced(cart(*basket), *promotions)

    assert sum((entry.due_today for entry in found.lines), Money.zero()) == found.due_today
    assert sum((part.gross for part in found.tax_today), Money.zero()) == found.due_today_gross
    assert found.due_today == found.due_today_gross
    for part in found.tax_today:
        assert part.net + part.tax == part.gross
    assert found.commitment_total == _by_single_months(found)
    assert all(replay(step) == step.amount for step in found.trace)
    assert not found.due_today < Money.zero()


@settings(max_examples=60)
@given(basket=baskets(), promotions=promotion_lists(), place=st.integers(0, 5))
def test_one_more_promotion_makes_nothing_dearer(
    basket: list[CartLine], promotions: list[Mapping[str, object]], place: int
) -> None:
    fewer = [p for number, p in enumerate(promotions) if number != place]

    without, found = priced(cart(*basket), *fewer), priced(cart(*basket), *promotions)

    for group in {entry.group for entry in found.lines}:
        assert not _committed(without, group) < _committed(found, group)


def test_over_a_longer_commitment_than_its_own_a_bundle_may_cost_more() -> None:
    """Decision 0014: half price for a year saves more of 12 months, a third for good more of 24."""
    reached: dict[str, object] = {"fact": "kinds", "includes": "plan"}
    good, year = (
        benefit("percent_off", "30", on="plan"),
        benefit("percent_off", "50", on="plan", periods=12),
    )
    long = promotion("long", when=reached, benefits=[good], group="g")
    short = promotion("short", when=reached, benefits=[year], group="g")
    basket = cart(*pair(group="g1", term=12), *pair(group="g2", term=24))

    one, two = priced(basket, long), priced(basket, long, short)

    assert _committed(two, "g1") < _committed(one, "g1")
    assert _committed(two, "g2") == _committed(one, "g2")
    assert one.commitment_total < two.commitment_total, "24 months of both are shown"
    alone = priced(cart(*pair(group="g1", term=12)), long, short)
    assert _committed(alone, "g1") == _committed(two, "g1"), "company changes nothing"


@settings(max_examples=60)
@given(basket=baskets(), promotions=promotion_lists())
def test_no_price_is_negative(
    basket: list[CartLine], promotions: list[Mapping[str, object]]
) -> None:
    found = priced(cart(*basket), *promotions)

    nothing = Money.zero()
    for entry in found.lines:
        assert not entry.due_today < nothing
        assert not any(phase.amount < nothing for phase in entry.phases)
        assert entry.due_today <= entry.list_today
    for charge in found.agreed_charges():
        for period in range(found.months_shown + 1):
            assert not net_in_period(charge, period=period) < nothing
    assert not any(phase.amount < nothing for phase in found.monthly)


@settings(max_examples=60)
@given(basket=baskets(), promotions=promotion_lists())
def test_what_is_said_to_be_saved_is_what_is_saved(
    basket: list[CartLine], promotions: list[Mapping[str, object]]
) -> None:
    found, listed = priced(cart(*basket), *promotions), priced(cart(*basket))

    saved = sum((a.saving_over_commitment for a in found.applied), Money.zero())
    # Every bundle is looked at over its own commitment, the quote over the longest.
    if len({entry.term for entry in found.lines}) == 1:
        assert listed.commitment_total - found.commitment_total == saved


@settings(max_examples=40)
@given(basket=baskets(), promotions=promotion_lists())
def test_the_merged_schedule_is_what_each_month_makes_due(
    basket: list[CartLine], promotions: list[Mapping[str, object]]
) -> None:
    found = priced(cart(*basket), *promotions)

    for bill in found.bills(found.months_shown):
        phases = [
            phase
            for phase in found.monthly
            if phase.first <= bill.period
            and (phase.periods is None or bill.period < phase.first + phase.periods)
        ]
        assert [phase.amount for phase in phases] == ([bill.amount] if found.monthly else [])


@settings(max_examples=40)
@given(
    code=st.sampled_from(["case", "buds", "horizon", "gazette"]),
    quantity=st.integers(2, 999),
    share=st.integers(1, 998),
    promotions=promotion_lists(),
)
def test_splitting_and_rejoining_a_line_changes_nothing(
    code: str, quantity: int, share: int, promotions: list[Mapping[str, object]]
) -> None:
    first = 1 + share % (quantity - 1) if quantity > 2 else 1
    whole = priced(cart(line("1", code, quantity=quantity)), *promotions)
    split = priced(
        cart(line("1", code, quantity=first), line("2", code, quantity=quantity - first)),
        *promotions,
    )

    assert split.due_today == whole.due_today
    assert split.tax_today == whole.tax_today
    assert split.monthly == whole.monthly
    assert split.commitment_total == whole.commitment_total


@settings(max_examples=30)
@given(basket=baskets())
def test_all_off_everything_is_exactly_nothing(basket: list[CartLine]) -> None:
    everything = promotion(
        "all",
        when={"all": []},
        benefits=[
            {"target": None, "charge": charge, "kind": "percent_off", "value": "100"}
            for charge in ("one_off", "recurring")
        ],
    )

    found = priced(cart(*basket), everything)

    assert found.due_today_gross == Money.zero()
    assert found.commitment_total == Money.zero()
    assert all(part.tax == Money.zero() for part in found.tax_today)


@settings(max_examples=40)
@given(basket=baskets(), promotions=promotion_lists())
def test_json_and_back_is_the_same_quote(
    basket: list[CartLine], promotions: list[Mapping[str, object]]
) -> None:
    found = priced(cart(*basket), *promotions)

    assert Quote.from_json(found.to_json()) == found


@given(cents=st.integers(-10_000_00, 10_000_00), rate=st.decimals("0", "30", places=2))
def test_net_and_tax_add_up_to_gross_in_both_bases(cents: int, rate: object) -> None:
    for basis in Basis:
        (part,) = tax_parts({rate: Money.from_cents(cents)}, basis=basis)  # type: ignore[dict-item]
        master = part.gross if basis is Basis.TTC else part.net
        assert master == Money.from_cents(cents)
        assert part.net + part.tax == part.gross
        # BR-CO-17 within a cent.
        expected = (part.net * rate / 100).rounded()  # type: ignore[operator]
        assert abs((part.tax - expected).cents) <= (1 if basis is Basis.TTC else 0)


def test_quantities_are_never_expanded() -> None:
    many = priced(cart(line("1", "case", quantity=999)), promotion("ten"))

    assert many.due_today == Money.of("22.41") * 999
    assert len(many.agreed_charges()) == 1


def test_a_line_alone_costs_what_it_costs_among_others() -> None:
    alone, among = priced(cart(*pair()), SIX_FREE), priced(cart(*pair(), *pair(group="g2")))

    assert replace(alone.lines[0]) == among.lines[0]


def _committed(found: Quote, group: str) -> Money:
    """What a bundle costs over its own commitment (12 months if none)."""
    lines = [entry for entry in found.lines if entry.group == group]
    months = max(entry.term for entry in lines) or 12
    charges = [charge for entry in lines for charge in entry.charges]
    periods = (net_in_period(c, period=n) for c in charges for n in range(months + 1))
    return sum(periods, Money.zero())


def _by_single_months(found: Quote) -> Money:
    total = found.due_today
    for charge in found.agreed_charges():
        for period in range(1, found.months_shown + 1):
            total = total + net_in_period(charge, period=period)
            assert sum(
                (due.amount for due in due_in_period(charge, period=period)), Money.zero()
            ) == net_in_period(charge, period=period)
    return total


@settings(max_examples=30)
@given(promotions=promotion_lists())
def test_bundles_that_are_alike_cost_what_one_costs_each(
    promotions: list[Mapping[str, object]],
) -> None:
    # Conditions here look at the bundle alone, so that company changes nothing.
    one = priced(cart(*pair()), *promotions)
    three = priced(cart(*pair(), *pair(group="g2"), *pair(group="g3")), *promotions)

    assert three.due_today == one.due_today * 3
    assert three.commitment_total == one.commitment_total * 3
    assert [a.saving_over_commitment * 3 for a in one.applied] == [
        a.saving_over_commitment for a in three.applied
    ]
    assert [line.replace("g1", "g2") for a in one.applied for line in a.lines] == [
        line for a in three.applied for line in a.lines if line.startswith("g2")
    ]
