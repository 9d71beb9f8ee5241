"""Transfers laid beside bills: what is named exactly is paid, all else is only suggested."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from subscriptions.domain.bank import (
    Credit,
    Hint,
    OwedBill,
    Share,
    Waiting,
    matched,
    named_in,
    near,
    reference_of,
    shared,
    suggested,
)

REFERENCE = "RF89FA20260000001"


def bill(last: int, open_: str = "100.00", *, account: int = 1, name: str = "Atelier") -> OwedBill:
    return OwedBill(f"FA-2026-{last:07}", account, name, Money.of(open_), date(2026, 3, 1 + last))


def credit(amount: str, text: str = "", **more: object) -> Credit:
    return Credit(Money.of(amount), text=text, **more)  # type: ignore[arg-type]


def among(*bills: OwedBill) -> dict[str, OwedBill]:
    return {each.number: each for each in bills}


def test_the_reference_of_a_bill_has_check_digits() -> None:
    assert reference_of("FA-2026-0000001") == REFERENCE
    assert named_in([REFERENCE], "") == ("FA-2026-0000001",)


@pytest.mark.parametrize(
    ("case", "text", "numbers"),
    [
        ("as it is", "FA-2026-0000001", [1]),
        ("small letters, no dashes", "facture fa20260000001 merci", [1]),
        ("spaces in between", "FA 2026 000 0001", [1]),
        ("a day follows", "FA-2026-0000001 12/03", [1]),
        ("several", "FA-2026-0000001, FA-2026-0000002", [1, 2]),
        ("twice the same", "FA-2026-0000001 FA-2026-0000001", [1]),
        ("the reference in groups of four", "REGLEMENT RF89 FA20 2600 0000 1 DU 12", [1]),
        ("a reference whose check digits are wrong names nothing", "RF88FA20260000001", []),
        ("part of another word", "SOFA20260000001", []),
        ("zeros left out", "FA-2026-1", []),
        ("an eighth figure", "FA-2026-00000012", []),
        ("nothing", "loyer mars", []),
    ],
)
def test_what_a_text_names(case: str, text: str, numbers: list[int]) -> None:
    assert named_in([], text) == tuple(f"FA-2026-{each:07}" for each in numbers), case


@pytest.mark.parametrize(
    ("case", "amount", "text", "expected"),
    [
        ("the whole bill", "100.00", "FA-2026-0000001",
         [Share(1, "FA-2026-0000001", Money.of("100.00"))]),
        ("a part of it", "40.00", "FA-2026-0000001",
         [Share(1, "FA-2026-0000001", Money.of("40.00"))]),
        ("too much: the rest is for the next bill", "130.00", "FA-2026-0000001",
         [Share(1, "FA-2026-0000001", Money.of("100.00")), Share(1, "", Money.of("30.00"))]),
        ("two bills, the earlier one first", "150.00", "FA-2026-0000002 FA-2026-0000001",
         [Share(1, "FA-2026-0000001", Money.of("100.00")),
          Share(1, "FA-2026-0000002", Money.of("50.00"))]),
        ("two customers, exactly", "200.00", "FA-2026-0000001 FA-2026-0000007",
         [Share(1, "FA-2026-0000001", Money.of("100.00")),
          Share(2, "FA-2026-0000007", Money.of("100.00"))]),
    ],
)  # fmt: skip
def test_what_is_named_is_paid(case: str, amount: str, text: str, expected: list[Share]) -> None:
    bills = among(bill(1), bill(2), bill(7, account=2))
    assert matched(credit(amount, text), bills) == tuple(expected), case


@pytest.mark.parametrize(
    ("text", "amount", "why"),
    [
        ("merci", "100.00", Waiting.NO_REFERENCE),
        ("FA-2026-0000009", "100.00", Waiting.UNKNOWN_BILL),
        ("FA-2026-0000001 FA-2026-0000009", "100.00", Waiting.UNKNOWN_BILL),
        ("FA-2026-0000003", "100.00", Waiting.PAID_ALREADY),
        ("FA-2026-0000001 FA-2026-0000007", "150.00", Waiting.SEVERAL_CUSTOMERS),
    ],
)
def test_what_is_not_certain_waits(text: str, amount: str, why: Waiting) -> None:
    bills = among(bill(1), bill(3, "0.00"), bill(7, account=2))
    assert matched(credit(amount, text), bills) is why


def test_another_customers_bank_account_pays_nothing_but_the_exact_sum() -> None:
    bills = among(bill(1))
    strange = credit("60.00", "FA-2026-0000001", payer_accounts=frozenset({2}))
    assert matched(strange, bills) is Waiting.OTHER_PAYER
    exact = credit("100.00", "FA-2026-0000001", payer_accounts=frozenset({2}))
    assert matched(exact, bills) == (Share(1, "FA-2026-0000001", Money.of("100.00")),)


def test_one_figure_wrong_or_two_changed_is_near() -> None:
    assert "FA-2026-0000012" in near([], "FA-2026-0000021")
    assert "FA-2026-0000001" in near([], "FA-2026-0000007")
    assert "FA-2026-0000123" in near([], "facture 2026-123")
    assert "FA-2026-0000001" in near(["RF88FA20260000001"], "RF88 2026 0000001")


def test_suggestions_say_why_and_the_likeliest_is_first() -> None:
    bills = [bill(1), bill(2, "60.00"), bill(21, "75.00", account=2, name="Bois SARL")]
    transfer = credit(
        "160.00", "FA-2026-0000012", payer_name="bois s.a.r.l.", payer_accounts=frozenset({1})
    )
    found = suggested(transfer, bills)
    said = [(each.account_id, each.numbers, str(each.open.amount), each.hints) for each in found]
    assert said == [
        (1, ("FA-2026-0000002",), "60.00", (Hint.MISTYPED, Hint.PAID_BEFORE)),
        (2, ("FA-2026-0000021",), "75.00", (Hint.MISTYPED, Hint.SAME_NAME)),
        (1, ("FA-2026-0000001", "FA-2026-0000002"), "160.00", (Hint.PAID_BEFORE, Hint.ALL_OPEN)),
    ]  # fmt: skip


cents = st.integers(1, 100_000).map(Money.from_cents)


@given(amount=cents, opens=st.lists(cents, max_size=6))
def test_the_shares_of_a_transfer_add_up_to_it(amount: Money, opens: list[Money]) -> None:
    bills = [
        OwedBill(f"FA-2026-{place:07}", 1, "", each, date(2026, 1, 1))
        for place, each in enumerate(opens)
    ]
    shares = shared(amount, bills)
    assert total(each.amount for each in shares) == amount
    owed = {each.number: each.open for each in bills}
    assert all(each.amount <= owed[each.number] for each in shares if each.number)
    assert all(each.amount.amount > 0 for each in shares)
