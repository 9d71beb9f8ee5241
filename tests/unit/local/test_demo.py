"""The parts of the story that decide: forms as a browser sends them, bills and lines compared."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

from commerce.local.demo.bills import Audit, Bill, Expected
from commerce.local.demo.browser import forms_of
from commerce.local.demo.effects import expected_of
from commerce.local.demo.orders import Promised, Told
from commerce.local.demo.telling import items_that_differ

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


def test_lines_that_nobody_asked_for_are_told() -> None:
    assert items_that_differ([TOLD], audit(BILL)) == []
    other = replace(TOLD, asked=Counter([("plan", "horizon-130")]))
    assert len(items_that_differ([other], audit(BILL))) == 1
