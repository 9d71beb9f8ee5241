"""All promotions of a draft tried on real orders, against those of the release in force."""

from copy import deepcopy
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalogue.services.drafts import open_draft_of
from commerce.accounts.identity import SYSTEM
from commerce.accounts.kinds import Role
from commerce.kernel.errors import InvalidInput, NotFound
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.states import OrderState
from commerce.ordering.domain.trial import Side, Totals, Tried
from commerce.ordering.models import Cart, Order
from commerce.ordering.services.bulk import place_bulk_order
from commerce.ordering.trials import trial_of_draft, trial_page
from promotions.domain.codes import normalise
from promotions.models import CodeState, SingleUseCode
from promotions.services.batches import export_batch, make_batch
from tests.demo import demo
from tests.integration.ordering.people import member, organisation
from tests.integration.ordering.test_fleet import CHECKOUT, fleet
from tests.integration.ordering.test_trials import bought, promotion

pytestmark = pytest.mark.django_db


def totals(sales: int, today: str, commitment: str) -> Totals:
    return Totals(sales, Money.of(today), Money.of(commitment))


def draft(*added: Any, without: str = "", **changed: Any) -> int:
    """A draft of the demo's promotions: more of them, one less, others with another value."""
    known = [p for p in deepcopy(demo().source["promotions"]) if p["code"] != without]
    for each in known:
        if each["code"].replace("-", "_") in changed:
            each["benefits"][0]["value"] = changed[each["code"].replace("-", "_")]
    data = {"promotions": [*known, *added]}
    return open_draft_of(SYSTEM, name="Winter", data=data, origin="test")


@pytest.fixture
def orders(shop: datetime) -> list[str]:
    """Two consumers with a phone and a plan for 24 months, and a fleet of three phones."""
    buyer = member(organisation(), "Bruno", role=Role.BUYER, limit="50000")
    placed = place_bulk_order(buyer, lines=fleet(3), checkout=CHECKOUT)
    return [placed.number, bought("A"), bought("B")]


def test_a_draft_that_changes_nothing_costs_nothing(orders: list[str]) -> None:
    found = trial_of_draft(draft())
    assert found.change.codes == ()
    assert (found.tried.seen, found.tried.applied, found.tried.totals) == (3, 0, {})
    assert {each.effect for each in found.samples} == {None}


def test_all_that_is_added_changed_and_removed_counts_together(orders: list[str]) -> None:
    """Each consumer: 50.00 and 30.00 off the phone instead of 10.00, six months of 19.99 no more.

    80.00 - 10.00 = 70.00 today; 70.00 - 6 x 19.99 = -49.94 over the commitment: so much less is
    given. The fleet: 50.00 off each of three phones.
    """
    found = trial_of_draft(draft(promotion(), without="six-free", welcome_10=30))
    assert found.change.codes == ("six-free", "tried", "welcome-10")
    assert [found.change.what(code) for code in found.change.codes] == [
        "removed", "added", "changed",
    ]  # fmt: skip
    assert found.tried.totals == {
        Basis.HT: totals(1, "150.00", "150.00"),
        Basis.TTC: totals(2, "140.00", "-99.88"),
    }
    assert found.tried.given == {
        (Side.BEFORE, "six-free"): 2, (Side.BEFORE, "welcome-10"): 2,
        (Side.AFTER, "tried"): 3, (Side.AFTER, "welcome-10"): 2,
    }  # fmt: skip
    fleet_order, first, _second = found.tried.examples
    assert (fleet_order.name, fleet_order.had, fleet_order.gets) == (orders[0], (), ("tried",))
    assert (first.had, first.gets) == (("six-free", "welcome-10"), ("tried", "welcome-10"))
    samples = {each.name.in_("en"): each.effect for each in found.samples}
    alone = samples["A phone alone"]
    assert alone is not None
    assert (alone.before, alone.today) == (Money.of("539.00"), Money.of("70.00"))


def test_page_by_page_it_is_the_same_and_limits_go_on_counting(
    orders: list[str], at: datetime
) -> None:
    number = draft(promotion(limits={"total": 2}))
    tried, after, pages = Tried(), "", []
    while True:
        page = trial_page(
            number, since=at - timedelta(days=1), until=at + timedelta(days=1), after=after,
            limit=1, tried=tried,
        )  # fmt: skip
        pages.append([(effect.name, effect.today) for effect in page.effects])
        if page.last is None:
            break
        after = page.last
    assert pages == [
        [(orders[0], Money.of("150.00"))],
        [(orders[1], Money.of("50.00"))],
        [],
    ]
    alone = [
        [
            (effect.name, effect.today)
            for effect in trial_page(
                number, since=at - timedelta(days=1), until=at + timedelta(days=1), after=after,
                limit=1,
            ).effects
        ]
        for after in ("", orders[0], orders[1])
    ]  # fmt: skip
    assert alone == pages, "a page by itself counts the pages before it"
    assert tried.totals == trial_of_draft(number).tried.totals
    assert (tried.seen, tried.applied) == (3, 2)


def test_only_orders_of_the_time_that_stand_are_tried(orders: list[str], at: datetime) -> None:
    number = draft(promotion())
    Order.objects.filter(number=orders[0]).update(state=OrderState.CANCELLED, ended_at=at)
    Order.objects.filter(number=orders[1]).update(placed_at=at - timedelta(days=2))
    page = trial_page(number, since=at - timedelta(days=1), until=at + timedelta(days=1))
    assert [effect.name for effect in page.effects] == [orders[2]]
    assert page.last is None
    with pytest.raises(NotFound):
        trial_page(number, since=at, until=at, after="F-nothing")


def test_a_draft_that_cannot_be_read_says_where(shop: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        trial_of_draft(draft(promotion("much")))
    assert refused.value.detail["field"] == "promotions[11].benefits[0].value"
    with pytest.raises(NotFound):
        trial_of_draft(999_999)


def test_the_command_tells_orders_sums_and_samples(orders: list[str]) -> None:
    number, said = draft(promotion(), without="six-free"), StringIO()
    call_command("trial", str(number), "--orders", stdout=said)
    lines = said.getvalue().splitlines()
    assert lines[:8] == [
        f"{orders[0]} 150.00 EUR 150.00 EUR +tried",
        f"{orders[1]} 50.00 EUR -69.94 EUR -six-free,+tried",
        f"{orders[2]} 50.00 EUR -69.94 EUR -six-free,+tried",
        "six-free: 2 orders had it, 0 would have it",
        "tried: 0 orders had it, 3 would have it",
        "HT: 1 orders, 150.00 EUR today, 150.00 EUR over the commitment",
        "TTC: 2 orders, 100.00 EUR today, -139.88 EUR over the commitment",
        "3 of 3 orders.",
    ]
    assert len(lines) == 15
    assert "sample A phone alone: A phone alone 50.00 EUR 50.00 EUR +tried" in lines


def test_the_command_stops_in_time_and_can_go_on(
    orders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commerce.ordering.management.commands.trial.PAGE", 1)
    number, said = draft(promotion()), StringIO()
    call_command("trial", str(number), "--seconds", "0", stdout=said)
    assert "1 of 1 orders." in said.getvalue()
    assert f"The time is over. Go on with --after {orders[0]}." in said.getvalue()
    said = StringIO()
    call_command("trial", str(number), "--after", orders[0], stdout=said)
    assert "2 of 2 orders." in said.getvalue()


def test_the_command_that_goes_on_counts_the_limits_of_the_orders_before(
    orders: list[str],
) -> None:
    number, said = draft(promotion(limits={"total": 2})), StringIO()
    call_command("trial", str(number), "--after", orders[0], stdout=said)
    assert "tried: 0 orders had it, 1 would have it" in said.getvalue().splitlines()


def test_the_command_says_what_is_wrong_in_the_language_that_was_asked(shop: object) -> None:
    with pytest.raises(CommandError, match=r"promotions\[11\].benefits\[0\].value: .*nombre"):
        call_command("trial", str(draft(promotion("much"))), "--language", "fr")


def test_a_single_use_code_that_an_order_used_counts_as_it_did(
    orders: list[str], at: datetime
) -> None:
    """Its promotion is the same in the draft; what the order paid before has it."""
    number, days = draft(promotion()), timedelta(days=1)

    def paid() -> Money:
        page = trial_page(number, since=at - days, until=at + days)
        return next(effect.before for effect in page.effects if effect.name == orders[1])

    without = paid()
    batch = make_batch(promotion="friend-20", name="Once", count=1, by="Ines")
    (code,) = export_batch(batch.id, by="Ines")
    Cart.objects.filter(orders__number=orders[1]).update(codes=[normalise(code)])
    SingleUseCode.objects.update(state=CodeState.REDEEMED, key=orders[1])
    assert paid() == without - Money.of("20.00")
