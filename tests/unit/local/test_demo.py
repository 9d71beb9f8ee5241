"""The parts of the story that decide: forms as a browser sends them, bills and lines compared."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from unittest.mock import Mock

import pytest

from commerce.local.demo.bills import Audit, Bill, Expected
from commerce.local.demo.browser import forms_of
from commerce.local.demo.effects import Effects, Identity, compared, expected_of
from commerce.local.demo.orders import Promised, Told
from commerce.local.demo.play import Outcome
from commerce.local.demo.telling import items_that_differ
from commerce.local.demo.third_party import Purchases

PAGE = """
<form action="/search"><input name="q"></form>
<form method="post">
  <input type="hidden" name="token" value="abc">
  <input type="checkbox" name="terms"> <input type="checkbox" name="news" checked>
  <input type="radio" name="early" value="now"> <input type="radio" name="early" value="wait">
  <select name="reason"><option value="order">Order</option><option value="bill" selected>Bill
  </option></select><textarea name="note"></textarea>
  <button name="act" value="go">Go</button>
</form>
"""

BILL = Bill(
    number="FA-2026-0000001",
    kind="recurring",
    orders=("F-1",),
    issued_on=date(2026, 12, 22),
    due_on=date(2026, 12, 22),
    period="2026-12-22 to 2027-01-22",
    basis="TTC",
    net=Decimal("16.66"),
    tax=Decimal("3.33"),
    gross=Decimal("19.99"),
    billed=Decimal("19.99"),
    promised=Decimal("19.99"),
    as_promised=True,
)
EXPECTED = Expected("recurring", ("F-1",), date(2026, 12, 22), Decimal("19.99"))
TOLD = Told(
    title="",
    number="F-1",
    story=(),
    promised=Promised("TTC", Decimal(0), (), 24, Decimal(0), ()),
    asked=Counter([("plan", "horizon-130"), ("sim", "esim"), ("handset", "x2")]),
    services={},
    ships={"handset": "warehouse"},
    ports=("0639981234",),
    paid=2200,
)
ITEMS = [
    {"role": "plan", "line_id": "1", "offering": "horizon-130", "facts": {"msisdn": "0639981234"}},
    {"role": "sim", "line_id": "2", "offering": "esim", "facts": {}},
    {"role": "handset", "line_id": "3", "offering": "x2", "facts": {}},
]


def audit(*bills: Bill, expected: tuple[Expected, ...] = (EXPECTED,)) -> Audit:
    orders = {"F-1": {"items": ITEMS, "state": "completed"}}
    return Audit(at="", orders=orders, bills=bills, expected=expected, parked=(), fallout=())


def test_a_form_holds_what_a_browser_would_send_as_it_stands() -> None:
    _, form = forms_of(PAGE, address="http://127.0.0.1/accept/1/")
    assert (form.action, form.method) == ("http://127.0.0.1/accept/1/", "post")
    assert form.values == {"token": "abc", "news": "on", "reason": "bill", "note": ""}
    assert form.choices == {
        "early": ["now", "wait"],
        "reason": ["order", "bill"],
        "act": ["go"],
    }


def test_bills_are_right_when_each_is_expected_and_as_promised() -> None:
    assert audit(BILL).right


def test_no_bill_at_all_is_never_right() -> None:
    assert not audit(expected=()).right


def test_a_bill_of_another_amount_is_missing_and_unexpected() -> None:
    dearer = replace(BILL, billed=Decimal("20.99"))
    missing, unexpected = audit(dearer).differences()
    assert missing == (EXPECTED,)
    assert [bill.amount for bill in unexpected] == [Decimal("20.99")]


def test_a_bill_that_differs_from_its_promise_is_not_right() -> None:
    assert not audit(replace(BILL, as_promised=False)).right


def test_what_must_happen_follows_from_the_lines_of_the_order() -> None:
    assert sorted(expected_of(TOLD, items=ITEMS)) == [
        ("network", "activate", "0639981234"),
        ("payments", "authorised", "F-1", "2200"),
        ("payments", "captured", "F-1", "2200"),
        ("porting", "port", "0639981234"),
        ("smdp", "esim", "F-1/2"),
        ("smdp", "esim_confirm", "F-1/2"),
        ("smdp", "esim_release", "F-1/2"),
        ("warehouse", "ship", "F-1/3"),
    ]


def found(**changes: int) -> Effects:
    """All that must happen, once, and changed counts by what it is (ship=2: a parcel twice)."""
    happened = Counter(expected_of(TOLD, items=ITEMS))
    for identity in list(happened):
        happened[identity] = changes.get(identity[1], 1)
    happened += Counter({("messages", "sms", "F-1/ready"): changes.get("sms", 1)})
    return compared(happened, [TOLD], orders={"F-1": {"items": ITEMS}})


def test_effects_are_right_when_each_happened_once() -> None:
    assert found().right
    assert found().expected == {
        "network activate": 1,
        "payments authorised": 1,
        "payments captured": 1,
        "porting port": 1,
        "smdp esim": 1,
        "smdp esim_confirm": 1,
        "smdp esim_release": 1,
        "warehouse ship": 1,
    }


@pytest.mark.parametrize(
    ("changed", "missing", "doubled"),
    [
        ({"ship": 2}, (), (("warehouse", "ship", "F-1/3"),)),
        ({"captured": 2}, (), (("payments", "captured", "F-1", "2200"),)),
        ({"sms": 2}, (), (("messages", "sms", "F-1/ready"),)),
        ({"port": 0}, (("porting", "port", "0639981234"),), ()),
    ],
)
def test_what_happened_twice_or_never_is_told(
    changed: dict[str, int], missing: tuple[Identity, ...], doubled: tuple[Identity, ...]
) -> None:
    effects = found(**changed)
    assert (effects.missing, effects.doubled, effects.unasked) == (missing, doubled, ())
    assert not effects.right


def test_letters_are_not_expected_but_none_may_be_posted_twice() -> None:
    letter = ("letters", "letter", "dunning/1/notice")
    happened = Counter(expected_of(TOLD, items=ITEMS)) + Counter({letter: 1})
    assert compared(happened, [TOLD], orders={"F-1": {"items": ITEMS}}).right
    happened[letter] = 2
    effects = compared(happened, [TOLD], orders={"F-1": {"items": ITEMS}})
    assert (effects.doubled, effects.unasked) == ((letter,), ())


def test_what_nobody_asked_for_is_told() -> None:
    happened = Counter(expected_of(TOLD, items=ITEMS)) + Counter({("content", "entitle", "x"): 1})
    effects = compared(happened, [TOLD], orders={"F-1": {"items": ITEMS}})
    assert (effects.unasked, effects.right) == ((("content", "entitle", "x"),), False)


def test_each_bill_that_asks_a_consumer_for_something_is_charged_once() -> None:
    bill = replace(BILL, number="FA-1", gross=Decimal("29.99"))
    free = replace(bill, number="FA-2", gross=Decimal(0))
    firms = replace(bill, number="FA-3", basis="HT")
    happened = Counter(expected_of(TOLD, items=ITEMS))
    orders = {"F-1": {"items": ITEMS}}
    effects = compared(happened, [TOLD], orders=orders, bills=[bill, free, firms])
    charged = (
        ("einvoicing", "deposit", "FA-3"),
        ("einvoicing", "paid", "FA-3"),
        ("payments", "authorised", "FA-1", "2999"),
        ("payments", "captured", "FA-1", "2999"),
    )
    assert effects.missing == charged
    happened += Counter(charged)
    assert compared(happened, [TOLD], orders=orders, bills=[bill, free, firms]).right


def test_sales_to_consumers_are_reported_for_each_period_that_is_over() -> None:
    bill = replace(BILL, number="FA-1", gross=Decimal(0), issued_on=date(2026, 11, 29))
    happened = Counter(expected_of(TOLD, items=ITEMS))
    orders = {"F-1": {"items": ITEMS}}
    effects = compared(happened, [TOLD], orders=orders, bills=[bill], until=date(2026, 12, 21))
    assert effects.missing == (
        ("einvoicing", "report", "ER-2026-11-21"),
        ("einvoicing", "report", "ER-2026-12-01"),
        ("einvoicing", "report", "ER-2026-12-11"),
    )


def test_what_was_bought_of_a_third_party_is_in_his_books_month_by_month() -> None:
    since = datetime(2026, 1, 31, 9, tzinfo=UTC)
    bought = Purchases(stack=Mock(), browser=Mock(), number="0639981234", since=since)
    expected = list(bought.expected(until=datetime(2026, 3, 31, 9, tzinfo=UTC)))
    assert [each[2:] for each in expected] == [
        ("lune-42", "0639981234", "0"),
        ("lune-plus", "0639981234", "0"),
        ("lune-plus", "0639981234", "1"),
        ("lune-plus", "0639981234", "2"),
    ]
    happened = Counter(expected_of(TOLD, items=ITEMS)) + Counter(expected[:-1])
    orders = {"F-1": {"items": ITEMS}}
    found = compared(happened, [TOLD], orders=orders, bought=expected)
    assert (found.missing, found.unasked) == ((expected[-1],), ())
    happened += Counter([expected[-1], ("merchant", "not_his", "lune-1")])
    found = compared(happened, [TOLD], orders=orders, bought=expected)
    assert (found.missing, found.unasked) == ((), (("merchant", "not_his", "lune-1"),))


def test_the_demo_is_right_only_if_bills_effects_and_lines_are() -> None:
    three = {"shopper": TOLD, "call_centre": TOLD, "business": TOLD}
    orders = {number: {"items": ITEMS, "state": "completed"} for number in ("F-1", "F-2", "F-3")}
    right = replace(audit(BILL), orders=orders)
    wrong = replace(right, bills=(replace(BILL, as_promised=False),))
    assert Outcome(three, right, found()).right
    assert not Outcome(three, wrong, found()).right
    assert not Outcome(three, right, found(ship=2)).right
    assert not Outcome(three, right, None).right
    told = json.loads(Outcome(three, wrong, found(ship=2)).as_json(seconds=1))
    assert (told["bills"], told["bills_as_promised"], told["effects_duplicated"]) == (1, 0, 1)


def test_lines_that_nobody_asked_for_are_told() -> None:
    assert items_that_differ([TOLD], audit(BILL)) == []
    other = replace(TOLD, asked=Counter([("plan", "horizon-130")]))
    assert len(items_that_differ([other], audit(BILL))) == 1
