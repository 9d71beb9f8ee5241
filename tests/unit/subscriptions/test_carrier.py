"""Purchases of third parties: what forbids one, what it costs, what a refund gives back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.errors import IllegalTransition, InvalidInput
from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.domain.carrier import (
    CATEGORIES,
    PAYMENT_LIFE,
    Asked,
    Category,
    Limits,
    PaymentState,
    Price,
    Rule,
    Spent,
    price_of,
    purchase_label,
    refunded,
    refusal,
    share_of,
    steps_crossed,
    stopped_by,
)

CAPS = market("fr").carrier_caps()
ALL = frozenset(Category)


def asked(
    gross: str, category: Category | None = Category.DIGITAL, *, confirmed: bool = True
) -> Asked:
    return Asked(Money.of(gross), category, "lune", confirmed)


def decided(
    what: Asked,
    *,
    spent: str = "0",
    together: str | None = None,
    today: str = "0",
    of_kind: str = "0",
    of_merchant: str = "0",
    most: str | None = None,
    limits: Limits | None = None,
    contract: frozenset[Category] = ALL,
    line_open: bool = True,
) -> Rule | None:
    return refusal(
        what,
        line_open=line_open,
        contract=contract,
        limits=limits or Limits(),
        caps=CAPS,
        spent=Spent(
            month=Money.of(spent),
            today=Money.of(today),
            of_kind=Money.of(of_kind),
            of_merchant=Money.of(of_merchant),
            together=Money.of(spent if together is None else together),
        ),
        of_contract=None if most is None else Money.of(most),
    )


@pytest.mark.parametrize(
    ("case", "gross", "spent", "rule"),
    [
        ("exactly the purchase cap", "50.00", "0", None),
        ("a cent more", "50.01", "0", Rule.OVER_PURCHASE_CAP),
        ("exactly up to the month's cap", "50.00", "250.00", None),
        ("a cent beyond the month's cap", "50.00", "250.01", Rule.OVER_MONTH_CAP),
        ("a cent when all is spent", "0.01", "300.00", Rule.OVER_MONTH_CAP),
    ],
)
def test_the_caps_of_the_law(case: str, gross: str, spent: str, rule: Rule | None) -> None:
    assert decided(asked(gross), spent=spent) is rule, case


def test_the_months_cap_is_the_subscribers_his_own_the_lines() -> None:
    assert decided(asked("10.00"), spent="0", together="290.01") is Rule.OVER_MONTH_CAP
    own = Limits(per_month=Money.of("20.00"))
    assert decided(asked("10.00"), spent="10.00", together="200.00", limits=own) is None


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        (Limits(per_purchase=Money.of("9.99")), Rule.OVER_OWN_PURCHASE_CAP),
        (Limits(per_purchase=Money.of("10.00")), None),
        (Limits(per_month=Money.of("29.99")), Rule.OVER_OWN_MONTH_CAP),
        (Limits(per_month=Money.of("30.00")), None),
        (Limits(blocked=True), Rule.ALL_BLOCKED),
        (Limits(categories=frozenset({Category.DIGITAL})), Rule.CATEGORY_BLOCKED),
        (Limits(categories=frozenset({Category.TICKET})), None),
        (Limits(merchants=frozenset({"lune"})), Rule.MERCHANT_BLOCKED),
        (Limits(merchants=frozenset({"soleil"})), None),
    ],
)
def test_what_the_customer_chose(limits: Limits, rule: Rule | None) -> None:
    assert decided(asked("10.00"), spent="20.00", limits=limits) is rule


def test_a_day_and_a_kind_have_caps_of_their_own() -> None:
    per_day = Limits(per_day=Money.of("15.00"))
    assert decided(asked("10.00"), spent="90", today="5.00", limits=per_day) is None
    assert decided(asked("10.00"), today="5.01", limits=per_day) is Rule.OVER_OWN_DAY_CAP
    digital = Limits(per_category={Category.DIGITAL: Money.of("15.00")})
    assert decided(asked("10.00"), spent="90", of_kind="5.00", limits=digital) is None
    assert decided(asked("10.00"), of_kind="5.01", limits=digital) is Rule.OVER_OWN_CATEGORY_CAP
    other = Limits(per_category={Category.TICKET: Money.zero("EUR")})
    assert decided(asked("10.00"), of_kind="90", limits=other) is None


def test_a_merchant_has_a_cap_of_his_contract_and_one_of_the_customers() -> None:
    ten = asked("10.00")
    assert decided(ten, spent="90", of_merchant="5.00", most="15.00") is None
    assert decided(ten, of_merchant="5.01", most="15.00") is Rule.OVER_MERCHANT_CAP
    own = Limits(per_merchant={"lune": Money.of("15.00")})
    assert decided(ten, spent="90", of_merchant="5.00", limits=own) is None
    assert decided(ten, of_merchant="5.01", limits=own) is Rule.OVER_OWN_MERCHANT_CAP
    other = Limits(per_merchant={"soleil": Money.zero("EUR")})
    assert decided(ten, of_merchant="90", limits=other) is None


def test_the_line_the_law_and_the_contract_come_first() -> None:
    assert decided(asked("99"), limits=Limits(opened=False, blocked=True)) is Rule.NOT_OPENED
    assert decided(asked("99"), line_open=False) is Rule.LINE_BLOCKED
    assert decided(asked("99", None)) is Rule.NOT_LEGAL
    assert decided(asked("99"), contract=frozenset({Category.VOICE})) is Rule.NOT_IN_CONTRACT
    assert decided(asked("99", confirmed=False)) is Rule.NOT_CONFIRMED


def test_goods_are_no_category_that_may_stand_on_a_bill() -> None:
    assert {CATEGORIES[each] for each in ("games", "ticketing", "donations", "calls")} == ALL
    assert "clothing" not in CATEGORIES


@pytest.mark.parametrize(
    ("amount", "included", "tax", "rate", "net", "gross"),
    [
        ("4.99", True, None, "20", "4.16", "4.99"),
        ("4.158", False, None, "20", "4.16", "4.99"),
        ("4.16", False, "0.83", "20", "4.16", "4.99"),
        ("10.00", True, "1.67", "20", "8.33", "10.00"),
        ("2.10", True, None, "2.1", "2.06", "2.10"),
        ("5", True, None, "0", "5.00", "5.00"),
    ],
)
def test_a_price_with_and_without_tax(
    amount: str, included: bool, tax: str | None, rate: str, net: str, gross: str
) -> None:
    found = price_of(
        Money.of(amount),
        tax_included=included,
        tax=None if tax is None else Decimal(tax),
        rate=Decimal(rate),
    )
    assert found == Price(Money.of(net), Money.of(gross))


@pytest.mark.parametrize(
    ("amount", "tax", "code"),
    [("4.16", "0.50", "tax_mismatch"), ("0.004", None, "less_than_a_cent")],
)
def test_a_price_that_nobody_can_pay(amount: str, tax: str | None, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        price_of(
            Money.of(amount),
            tax_included=False,
            tax=None if tax is None else Decimal(tax),
            rate=Decimal(20),
        )
    assert refused.value.code == code


@given(
    cents=st.integers(1, 5000),
    parts=st.lists(st.integers(1, 1999), max_size=6),
    rate=st.sampled_from(["0", "2.1", "5.5", "20"]),
)
def test_refunds_add_up_to_the_payment_and_never_to_more(
    cents: int, parts: list[int], rate: str
) -> None:
    amount = Money.from_cents(cents)
    price = price_of(amount, tax_included=True, tax=None, rate=Decimal(rate))
    remaining, back = amount.amount, Price(Money.zero(), Money.zero())
    for part in [*(Decimal(each) / 100 for each in parts), None]:
        taken = remaining if part is None else min(part, remaining)
        if taken <= 0:
            continue
        given_now = refunded(
            price, amount=amount.amount, part=taken, remaining=remaining, given_back=back
        )
        back = Price(back.net + given_now.net, back.gross + given_now.gross)
        remaining -= taken
        assert back.gross <= price.gross
    assert back == price


def test_small_parts_are_not_rounded_up_each_for_itself() -> None:
    price = Price(Money.of("10.00"), Money.of("12.00"))
    amount, half_a_cent = Decimal("10.000"), Decimal("0.005")
    back, remaining = Price(Money.zero(), Money.zero()), amount
    for _ in range(4):
        now = refunded(price, amount=amount, part=half_a_cent, remaining=remaining, given_back=back)
        back = Price(back.net + now.net, back.gross + now.gross)
        remaining -= half_a_cent
    assert back == Price(Money.of("0.02"), Money.of("0.02"))


def test_each_five_euros_are_told_of() -> None:
    def crossed(before: str, after: str) -> int:
        return steps_crossed(before=Money.of(before), after=Money.of(after), step=Money.of(5))

    assert [crossed("0", "4.99"), crossed("4.99", "5.00"), crossed("5.00", "9.99")] == [0, 1, 0]
    assert crossed("4.00", "16.00") == 3


def test_the_life_of_a_payment() -> None:
    PAYMENT_LIFE.check(PaymentState.PENDING_VALIDATION, PaymentState.RESERVED)
    for last in (PaymentState.SUCCEEDED, PaymentState.DENIED, PaymentState.CANCELLED):
        assert PAYMENT_LIFE.is_final(last)
    with pytest.raises(IllegalTransition):
        PAYMENT_LIFE.check(PaymentState.PENDING_VALIDATION, PaymentState.SUCCEEDED)


def test_a_bill_names_the_service_who_sold_it_and_who_helps() -> None:
    told = purchase_label("Lune+", "Éditions Lune", "0800 000 001", True, given_back=False)
    assert told == {
        "fr": "Abonnement : Lune+ – Éditions Lune (assistance : 0800 000 001)",
        "en": "Subscription: Lune+ – Éditions Lune (help: 0800 000 001)",
    }


@pytest.mark.parametrize(
    ("net", "share", "purchases", "fee", "due"),
    [
        ("100.00", "70", 10, "0.10", "69.00"),
        ("4.16", "70", 1, "0", "2.91"),
        ("0.00", "70", 2, "0.10", "-0.20"),
        ("-4.16", "70", 0, "0.10", "-2.91"),
    ],
)
def test_the_share_of_a_merchant(net: str, share: str, purchases: int, fee: str, due: str) -> None:
    found = share_of(Money.of(net), share=Decimal(share), purchases=purchases, fee=Money.of(fee))
    assert found == Money.of(due)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("STOP", (0, 1)),
        ("  stop. ", (0, 1)),
        ("STOP lune+", (0,)),
        ("Stop soleil-month", (1,)),
        ("STOP LUN", (0,)),
        ("STOP mars", (0, 1)),
        ("stopper", None),
        ("please STOP", None),
        ("", None),
    ],
)
def test_what_a_customers_sms_ends(text: str, ended: tuple[int, ...] | None) -> None:
    held = [("lune-month", "Lune+"), ("soleil-month", "Radio Soleil")]
    assert stopped_by(text, held) == ended
