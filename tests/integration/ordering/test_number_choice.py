"""Choosing a number: found by its figures, priced by its class, held for 15 minutes, paid once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from catalogue.domain.model import Segment
from catalogue.models import Number
from catalogue.pool import propose, search
from catalogue.selectors import current_snapshot
from catalogue.services import numbers
from commerce.accounts.models import User
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.numbering import Keep, NumberChoice
from commerce.ordering.number_shop import find_numbers
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.numbering import former_numbers
from commerce.ordering.services.place import place_order
from frontend.shop.number_choice import number_form, number_values
from subscriptions.models import Subscription
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import (
    KEPT,
    agent,
    bundle_cart,
    checkout_for,
    customer,
    visitor,
)
from tests.integration.ordering.test_carts import handset
from tests.integration.subscriptions.contracts import begun
from tests.integration.subscriptions.contracts import plan as a_plan

pytestmark = pytest.mark.django_db
SILVER, GOLD = "0639980111", "0639989999"


@pytest.fixture
def code(shop: object) -> str:
    Number.objects.create(msisdn=SILVER, klass="silver")
    Number.objects.create(msisdn=GOLD, klass="gold")
    return bundle_cart(visitor(), handset=handset())


def plan(code: str) -> str:
    view = cart_view(visitor(), code=code)
    return next(line.id for line in view.quote.lines if line.role == "plan")


def take(code: str, msisdn: str) -> None:
    choice = NumberChoice(Keep.NEW, msisdn)
    carts.choose_number(visitor(), code=code, line_id=plan(code), choice=choice)


def roles(code: str) -> list[str]:
    return [
        line.offering
        for line in cart_view(visitor(), code=code).quote.lines
        if line.role == "number"
    ]


def test_a_silver_number_costs_what_its_class_costs_once(code: str) -> None:
    before = cart_view(visitor(), code=code).quote
    take(code, SILVER)
    view = cart_view(visitor(), code=code)
    assert roles(code) == ["numero-argent"]
    assert view.quote.due_today - before.due_today == Money.of("10.00")
    assert view.quote.commitment_total - before.commitment_total == Money.of("10.00")
    assert view.configs[plan(code)]["number_class"] == "silver"


def test_a_standard_number_costs_nothing_and_takes_the_line_away(code: str) -> None:
    take(code, GOLD)
    take(code, "0639980007")
    view = cart_view(visitor(), code=code)
    assert roles(code) == []
    assert view.configs[plan(code)] == {"number_choice": "new", "msisdn": "0639980007"}
    assert Number.objects.get(msisdn=GOLD).state == "free"


def test_without_the_line_that_pays_the_number_is_given_back(code: str) -> None:
    take(code, GOLD)
    view = cart_view(visitor(), code=code)
    paying = next(line.id for line in view.quote.lines if line.role == "number")
    carts.remove_line(visitor(), code=code, line_id=paying)
    assert cart_view(visitor(), code=code).configs[plan(code)] == {"number_choice": "new"}
    assert Number.objects.get(msisdn=GOLD).state == "free"


def test_a_number_that_is_kept_pays_for_no_class(code: str) -> None:
    take(code, GOLD)
    carts.choose_number(visitor(), code=code, line_id=plan(code), choice=KEPT)
    assert roles(code) == []
    assert Number.objects.get(msisdn=GOLD).state == "free"


def test_any_number_of_a_class_can_be_bought_without_naming_it(code: str) -> None:
    group = next(iter(cart_view(visitor(), code=code).bundles))
    carts.choose(visitor(), code=code, group=group, role="number", offering="numero-or")
    assert cart_view(visitor(), code=code).configs[plan(code)] == {
        "number_choice": "new",
        "number_class": "gold",
    }


def test_a_visitor_has_three_numbers_kept_at_once_at_most(shop: object) -> None:
    free = list(
        Number.objects.filter(klass="standard", state="free").values_list("msisdn", flat=True)[:5]
    )
    for _ in free:
        code = bundle_cart(visitor(), handset=handset())
    lines = [x.id for x in cart_view(visitor(), code=code).quote.lines if x.role == "plan"]

    def keep(line: int, number: int) -> None:
        choice = NumberChoice(Keep.NEW, free[number])
        carts.choose_number(visitor(), code=code, line_id=lines[line], choice=choice)

    for place in range(3):
        keep(place, place)
    with pytest.raises(RuleViolated) as refused:
        keep(3, 3)
    assert (refused.value.code, refused.value.detail["most"]) == ("too_many_numbers_kept", 3)
    keep(2, 4)
    assert Number.objects.filter(state="held").count() == 3
    assert Number.objects.get(msisdn=free[2]).state == "free"
    other = bundle_cart(visitor("v-2"), handset=handset())
    line = next(x.id for x in cart_view(visitor("v-2"), code=other).quote.lines if x.role == "plan")
    carts.choose_number(
        visitor("v-2"), code=other, line_id=line, choice=NumberChoice(Keep.NEW, free[3])
    )
    with business_time_fixed(AT + timedelta(minutes=15)):
        keep(3, 2)


def test_a_chosen_number_is_held_for_15_minutes(code: str) -> None:
    take(code, SILVER)
    assert cart_view(visitor(), code=code).numbers_until == {plan(code): AT + timedelta(minutes=15)}
    other = bundle_cart(visitor("v-2"), handset=handset())
    line = next(x.id for x in cart_view(visitor("v-2"), code=other).quote.lines if x.role == "plan")
    choice = NumberChoice(Keep.NEW, SILVER)
    with pytest.raises(RuleViolated) as refused:
        carts.choose_number(visitor("v-2"), code=other, line_id=line, choice=choice)
    assert refused.value.code == "number_taken"
    assert cart_view(visitor("v-2"), code=other).numbers_until == {}
    with business_time_fixed(AT + timedelta(minutes=15)):
        carts.choose_number(visitor("v-2"), code=other, line_id=line, choice=choice)
    assert Number.objects.get(msisdn=SILVER).key == f"cart:{other}/{line}"


def test_a_timer_frees_what_nobody_ordered(code: str) -> None:
    take(code, SILVER)
    timer = Timer.objects.get(handler=numbers.HOLD_TIMER)
    assert (timer.due_at, timer.clock) == (AT + timedelta(minutes=15), "business")
    numbers.on_due(timer.payload)
    assert Number.objects.get(msisdn=SILVER).state == "held"
    with business_time_fixed(timer.due_at):
        numbers.on_due(timer.payload)
        numbers.on_due(timer.payload)
    assert Number.objects.get(msisdn=SILVER).state == "free"


def test_a_cart_that_lets_the_plan_go_lets_its_number_go(code: str) -> None:
    take(code, SILVER)
    group = next(iter(cart_view(visitor(), code=code).bundles))
    carts.remove_bundle(visitor(), code=code, group=group)
    assert Number.objects.get(msisdn=SILVER).state == "free"


def test_numbers_are_found_by_their_figures_in_one_query(code: str) -> None:
    def found(pattern: str, klass: str = "") -> list[tuple[str, str]]:
        catalogue = current_snapshot()
        with CaptureQueriesContext(connection) as queries:
            answer = find_numbers(
                catalogue, segment=Segment.CONSUMER, channel="web", pattern=pattern, klass=klass
            )  # fmt: skip
        assert len(queries) == 1
        return [(each.msisdn, each.sold.code) for each in answer]

    assert found("*99") == [(GOLD, "gold")]
    assert found("0111") == [(SILVER, "silver")]
    assert found("0639 98 000*") == [(f"063998000{n}", "standard") for n in range(10)]
    assert found("*05") == [("0639980005", "standard")]
    assert found("", "gold") == [(GOLD, "gold")]
    assert found("424242") == []
    with pytest.raises(InvalidInput, match="standard, silver, gold"):
        found("", "green")


def test_ranges_are_imported_all_or_none(code: str, tmp_path: Path) -> None:
    file = tmp_path / "ranges.csv"
    heading = "first;last;class\n"
    file.write_text(heading + "06 39 98 30 01;0639983003;\n0804 99 00 01;0804990002;green\n")
    call_command("import_numbers", str(file))
    there = Number.objects.filter(msisdn__gte="0639983").order_by("msisdn")
    assert list(there.values_list("msisdn", "klass")) == [
        ("0639983001", "standard"),
        ("0639983002", "standard"),
        ("0639983003", "standard"),
        (GOLD, "gold"),
        ("0804990001", "green"),
        ("0804990002", "green"),
    ]
    file.write_text(
        heading
        + "0639984001;0639984000;\n0639984001;0639984009;platinum\n0639984005;0639984006;\n"
        + "0896990001;0896990002;green\n0639983003;0639983004;\nhello;0639984100;\n"
    )
    with pytest.raises(CommandError) as refused:
        call_command("import_numbers", str(file))
    assert str(refused.value).splitlines() == [
        "ranges.csv:7: first: A French number has 10 figures and starts with 0, "
        "such as 06 39 98 12 34.",
        "Nothing was imported.",
    ]
    file.write_text(file.read_text().replace("hello;0639984100;\n", ""))
    with pytest.raises(CommandError) as refused:
        call_command("import_numbers", str(file))
    assert str(refused.value).splitlines() == [
        "ranges.csv:2: last: The last number comes before the first.",
        "ranges.csv:3: class: There is no class platinum of numbers.",
        "ranges.csv:4: first: Line 3 has some of these numbers too.",
        "ranges.csv:5: class: green numbers begin with 0804.",
        "ranges.csv:6: first: 1 of these are in the pool already.",
        "Nothing was imported.",
    ]
    assert not Number.objects.filter(msisdn__startswith="0639984").exists()


def test_a_number_rests_as_long_as_the_law_says(code: str) -> None:
    numbers.hold_number(msisdn=SILVER, key="F-1/2", until=AT + timedelta(hours=1))
    numbers.assign("F-1/2")
    today = AT.date()
    for days in (44, 121):
        with pytest.raises(InvalidInput) as refused:
            numbers.retire(key="F-1/2", until=today + timedelta(days=days))
        assert refused.value.code == "quarantine_out_of_range"
    numbers.retire(key="F-1/2")
    resting = Number.objects.get(msisdn=SILVER)
    assert (resting.state, resting.quarantine_until) == ("quarantine", today + timedelta(days=45))
    timer = Timer.objects.get(handler=numbers.QUARANTINE_TIMER)
    numbers.on_due(timer.payload)
    assert Number.objects.get(msisdn=SILVER).state == "quarantine"
    with business_time_fixed(timer.due_at):
        numbers.on_due(timer.payload)
    assert Number.objects.get(msisdn=SILVER).state == "free"


def test_two_lines_of_an_order_do_not_get_the_same_number(code: str) -> None:
    wish = numbers.Wanted(msisdn=SILVER, klass="silver")
    with pytest.raises(RuleViolated) as refused, transaction.atomic():
        numbers.hold_numbers(
            wanted={"F-1/2": wish, "F-1/5": wish}, until=AT + timedelta(hours=1), fresh=True
        )
    assert refused.value.code == "number_taken"
    assert Number.objects.get(msisdn=SILVER).state == "free"


def plan_of(query: Callable[[], object], *, index: str) -> str:
    """The plan of the query when it may read `index` and no other but those of constraints."""
    others = """
        SELECT indexname FROM pg_indexes WHERE tablename = 'offering_number' AND indexname <> %s
           AND indexname NOT IN (SELECT conname FROM pg_constraint)"""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(others, [index])
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        with CaptureQueriesContext(connection) as queries:
            query()
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        found = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    return found


def test_figures_and_proposals_can_be_read_from_indexes(code: str) -> None:
    """Whether the planner prefers them is for it to say: it knows how large the pool is."""
    trigrams, place = "numbers_by_trigrams", "numbers_by_place"
    found = plan_of(
        lambda: search(pattern="*4242", classes=["standard"], count=5, at=AT), index=trigrams
    )
    assert trigrams in found
    assert place in plan_of(lambda: propose(count=5, at=AT, salt="7K2-Q9F"), index=place)


FORMER, CAME = "0639980777", "0639985678"


class Returning:
    """A customer whose contracts ended today; both numbers rest, one is of another's range."""

    def __init__(self) -> None:
        self.who = customer()
        assert self.who.party_id is not None
        for place, msisdn in enumerate((FORMER, CAME)):
            contract = begun(f"F-{place}", [a_plan()], party=self.who.party_id, on=AT.date())
            Subscription.objects.filter(pk=contract).update(
                msisdn=msisdn, status="ended", ended_on=AT.date()
            )
        Number.objects.create(msisdn=FORMER, state="assigned", key="F-0/1")
        Number.objects.create(msisdn=CAME, klass="ported", state="ported_in", key="F-1/1")
        for msisdn in (FORMER, CAME):
            numbers.retire_number(msisdn)
        self.begin_cart()

    def begin_cart(self) -> None:
        self.code = bundle_cart(self.who, handset=handset())
        lines = cart_view(self.who, code=self.code).quote.lines
        self.line = next(line.id for line in lines if line.role == "plan")

    def take(self, msisdn: str) -> None:
        choice = NumberChoice(Keep.NEW, msisdn)
        carts.choose_number(self.who, code=self.code, line_id=self.line, choice=choice)

    def order(self) -> str:
        return place_order(
            self.who, code=self.code, checkout=checkout_for(self.who, self.code)
        ).number


def state(msisdn: str) -> tuple[str, str]:
    found = Number.objects.get(msisdn=msisdn)
    return found.state, str(found.quarantine_until)


@pytest.mark.parametrize(
    ("msisdn", "rests"), [(FORMER, "2027-01-07"), (CAME, "2027-01-02")]
)  # 45 and 40 days after the end
def test_the_last_user_alone_has_a_resting_number_back_and_it_rests_on_if_he_does_not(
    shop: object, msisdn: str, rests: str
) -> None:
    back = Returning()
    assert former_numbers(back.who.party_id) == (CAME, FORMER)
    assert former_numbers(None) == former_numbers(customer("Another").party_id) == ()
    stranger = bundle_cart(visitor(), handset=handset())
    with pytest.raises(RuleViolated) as refused:
        take(stranger, msisdn)
    assert refused.value.code == "number_taken"

    back.take(msisdn)
    assert cart_view(back.who, code=back.code).issues == ()
    later = AT + timedelta(minutes=15)
    with business_time_fixed(later):
        with pytest.raises(RuleViolated):
            take(stranger, msisdn)
        assert numbers.release_expired(at=later) == 0
    assert state(msisdn) == ("quarantine", rests)

    first = back.order()  # he chose it long ago: it is his to order still
    assert (Number.objects.get(msisdn=msisdn).key, state(msisdn)) == (
        *(f"{first}/{back.line}", ("held", rests)),
    )
    cancel_order(back.who, number=first)
    assert state(msisdn) == ("quarantine", rests)

    key = f"{back.order()}/{back.line}"
    assert numbers.assign(key) == msisdn
    assert msisdn not in former_numbers(back.who.party_id)
    numbers.give_back(key)  # its order is taken back before the line is in service
    assert state(msisdn) == ("quarantine", rests)


def test_after_40_days_a_number_is_its_last_users_no_more(shop: object) -> None:
    back = Returning()
    with business_time_fixed(AT + timedelta(days=40)):
        assert former_numbers(back.who.party_id) == (CAME, FORMER)
    with business_time_fixed(AT + timedelta(days=41)):
        assert former_numbers(back.who.party_id) == ()
        back.begin_cart()  # the first has expired
        with pytest.raises(RuleViolated) as refused:
            back.take(FORMER)
    assert refused.value.code == "number_taken"


def test_a_number_that_leaves_while_it_is_kept_for_its_last_user_is_gone(shop: object) -> None:
    back = Returning()
    back.take(FORMER)
    numbers.leave(FORMER)
    assert state(FORMER) == ("ported_out", "None")


def test_page_agent_and_api_offer_him_his_former_numbers(shop: object) -> None:
    back = Returning()
    view = cart_view(back.who, code=back.code)
    request = RequestFactory().get("/", {"figures": ""})
    for who in (back.who, agent(back.who.party_id)):
        form = number_form(request, view, line_id=back.line)
        shown = number_values(request, who, view, line_id=back.line, form=form)["numbers"]
        assert [value for value, _ in shown[-1]["numbers"]] == [CAME, FORMER]
    browser = Client()
    browser.force_login(
        User.objects.get(pk=str(back.who.actor.id)), "django.contrib.auth.backends.ModelBackend"
    )
    told = browser.get(f"/api/v1/carts/{back.code}/numbers").json()
    assert (told["yours"], len(told["items"])) == ([CAME, FORMER], 6)
