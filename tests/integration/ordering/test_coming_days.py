"""A partner expects pieces on another day: order, fulfilment and customer hear of it."""

from datetime import UTC, date, datetime, time
from importlib import import_module

import pytest
from django.apps import apps

from catalogue.domain.sourcing import Share
from catalogue.selectors import current_snapshot
from catalogue.services import stock
from catalogue.services.stock_import import COLUMNS, import_stock
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.codec import from_plain
from commerce.notifications.models import Message
from commerce.ordering.domain.fulfilment import parcel_of
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import carts
from commerce.ordering.services.coming_days import on_coming_day_moved
from commerce.ordering.services.place import place_order
from orchestration import subscribers as orchestration
from orchestration.models import Plan, Task
from orchestration.services.plans import create_plans
from tests.integration.ordering.people import checkout_for, visitor

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
AHEAD = "ombrine-s1-pro-256-encre"
TOLD = date(2026, 12, 8)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def number() -> str:
    """An accepted order of a phone that comes on 8 December; its parcel waits for that day."""
    with business_time_fixed(AT):
        code = carts.open_cart(visitor())
        carts.add_line(visitor(), code=code, offering=AHEAD)
        placed = place_order(visitor(), code=code, checkout=checkout_for(visitor(), code)).number
        Order.objects.filter(number=placed).update(state="accepted", accepted_at=AT)
        stock.commit_hold(placed)
        create_plans(order_number=placed)
        Task.objects.filter(kind="timer").update(state="awaiting")
    return placed


def expected(day: str, *, coming: int = 19) -> list[str]:
    """The names of what was told, once everybody has heard of it."""
    OutboxEvent.objects.all().delete()
    with business_time_fixed(AT):
        text = f"{';'.join(COLUMNS)}\nentrepot;{AHEAD};0;1;{coming};{day}\n"
        import_stock(text, file="s.csv", catalogue=current_snapshot())
        for event in OutboxEvent.objects.filter(name="ComingDayMoved"):
            on_coming_day_moved(event.payload)
            on_coming_day_moved(event.payload)
        for event in OutboxEvent.objects.filter(name="ParcelDayMoved"):
            orchestration.on_parcel_day_moved(event.payload)
    return sorted(OutboxEvent.objects.values_list("name", flat=True))


@pytest.mark.parametrize(
    ("day", "leaves_on", "said"),
    [("2026-12-22", "2026-12-23", "23/12/2026"), ("2026-12-01", "2026-12-02", "02/12/2026")],
)
def test_the_order_waits_for_the_new_day_and_the_customer_is_told(
    number: str, day: str, leaves_on: str, said: str
) -> None:
    assert expected(day) == ["ComingDayMoved", "ParcelDayMoved"]
    (share,) = OrderItem.objects.get().shares
    assert (share["expected_on"], share["leaves_on"]) == (day, leaves_on)
    parcels = set(Task.objects.exclude(parcel="").values_list("parcel", "starts_on"))
    assert parcels == {(f"entrepot:{day}", date.fromisoformat(day))}
    timer = Task.objects.get(kind="timer")
    due = Timer.objects.get(key=f"task:{timer.pk}").due_at
    assert due.astimezone(PARIS) == datetime.combine(date.fromisoformat(day), time(), tzinfo=PARIS)
    message = Message.objects.get(code="day_moved")
    assert message.to == "camille@example.test"
    assert said in message.text


def test_the_same_day_again_and_other_counts_tell_nobody(number: str) -> None:
    assert expected("2026-12-08", coming=12) == []
    assert Plan.objects.count() == 1
    assert not Message.objects.filter(code="day_moved").exists()


def test_an_order_of_before_gets_its_shares_from_the_pieces_that_it_holds(number: str) -> None:
    (told,) = OrderItem.objects.get().shares
    OrderItem.objects.update(shares=[], supplier="")
    import_module("commerce.ordering.migrations.0007_shares_of_before").give_shares(apps, None)
    item = OrderItem.objects.get()
    given = {"leaves_on": "2026-11-24", "expected_on": None}
    assert (item.supplier, item.shares) == ("entrepot", [{**told, **given}])
    assert str(parcel_of(from_plain(tuple[Share, ...], item.shares)[0])) == "entrepot"


def test_what_is_given_up_is_not_moved(number: str) -> None:
    Order.objects.update(state="cancelled")
    assert expected("2026-12-22") == ["ComingDayMoved"]
    (share,) = OrderItem.objects.get().shares
    assert share["expected_on"] == "2026-12-08"
