"""A price for what is in no cart: today, each month, what is given, what is near, and why."""

from commerce.ordering.models import Cart
from tests.api.conftest import Api, money

BUNDLE = {
    "bundle": "handset-and-plan",
    "term": 24,
    "choices": [
        {"role": "handset", "offering": "ardoval-x2-128-nuit"},
        {"role": "plan", "offering": "horizon-130"},
        {"role": "sim", "offering": "esim"},
    ],
}


def test_a_quote_says_today_each_month_what_is_given_what_is_near_and_why(shopper: Api) -> None:
    answer = shopper.post("quotes?months=7&trace=true", {"bundles": [BUNDLE]}).json()
    quote = answer["quote"]
    assert answer["unfinished"] == []
    # 219.00 for the phone, 15.00 for the activation, 1.00 for the eSIM.
    assert quote["due_today_gross"] == money("235.00")
    assert [(p["periods"], p["amount"]) for p in quote["monthly"]] == [
        (6, money("0.00")),
        (None, money("19.99")),
    ]
    assert [bill["amount"] for bill in quote["bills"]] == [money("0.00")] * 6 + [money("19.99")]
    # 235.00 and eighteen months at 19.99.
    assert (quote["commitment_months"], quote["commitment_total"]) == (24, money("594.82"))
    assert [given["code"] for given in quote["applied"]] == ["six-free"]
    near = {miss["code"]: miss["reason"] for miss in quote["within_reach"]}
    assert near == {"port-in-welcome": "condition"}
    assert quote["trace"][0]["code"] == "due_today"
    assert quote["trace"][0]["amount"] == money("235.00")
    assert not Cart.objects.exists()


def test_what_is_near_is_given_once_its_condition_is_met(shopper: Api) -> None:
    kept = {**BUNDLE, "port_in": True}
    quote = shopper.post("quotes", {"bundles": [kept]}).json()["quote"]
    assert quote["due_today_gross"] == money("220.00"), "the activation is free"
    assert {given["code"] for given in quote["applied"]} == {"six-free", "port-in-welcome"}
    assert quote["within_reach"] == []
    assert quote["trace"] == []
