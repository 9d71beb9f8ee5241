"""Two holders who name the same address at the same moment. Committed, so apart from the others."""

from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from time import monotonic, sleep

from django.db import connection, transaction

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.notifications.models import Message
from commerce.ordering.domain.holder import ASKED_A_DAY
from commerce.ordering.models import HolderChange
from commerce.ordering.services.passing_on import pass_on
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.models import Subscription
from tests.integration.ordering.conftest import committed_shop
from tests.integration.ordering.people import customer
from tests.integration.ordering.test_holder import PLAN
from tests.integration.subscriptions.contracts import RATES, promised

__all__ = ["committed_shop"]
ADDRESS = "noe@example.test"
PATIENCE = 20.0


def holder(place: int, *, at: datetime) -> tuple[AccountContext, int]:
    """Somebody who has a line, and its contract."""
    found = customer(f"Camille{place} Martin")
    order = f"F-2026-{place:06}"
    promised(order, [PLAN])
    activate(
        order_number=order, group="g1", party_id=found.party_id or 0, segment="consumer",
        items=[ActivatedItem("plan", "horizon-130", (PLAN,), {"line_id": "line-1"})],
        tax_rates=RATES, term_months=0, activated_on=at.date(), release=1, channel="web",
        msisdn=f"06399800{place:02}", iccid=f"89331503199900{place:02}",
    )  # fmt: skip
    return found, Subscription.objects.get(party=found.party_id).pk


def test_one_address_is_asked_five_times_a_day_also_by_two_at_once(
    committed_shop: datetime,
) -> None:
    with business_time_fixed(committed_shop):
        lines = [holder(place, at=committed_shop) for place in range(ASKED_A_DAY + 1)]
        for who, line in lines[:-2]:
            pass_on(who, subscription_id=line, email=ADDRESS)
    asked, may_end, told = Event(), Event(), list[str]()

    def first() -> None:
        who, line = lines[-2]
        with transaction.atomic():
            pass_on(who, subscription_id=line, email=ADDRESS)
            asked.set()
            assert may_end.wait(PATIENCE)

    def second() -> None:
        who, line = lines[-1]
        assert asked.wait(PATIENCE)
        try:
            pass_on(who, subscription_id=line, email=f" {ADDRESS.upper()}")
        except RuleViolated as refused:
            told.append(refused.code)

    threads = [Thread(target=_apart, args=(each, committed_shop)) for each in (first, second)]
    for thread in threads:
        thread.start()
    _until(lambda: _waiting() or not threads[1].is_alive())
    may_end.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert told == ["asked_too_often"]
    assert HolderChange.objects.filter(email=ADDRESS).count() == ASKED_A_DAY
    assert Message.objects.filter(code="holder_asked").count() == ASKED_A_DAY


def _apart(act: Callable[[], None], at: datetime) -> None:
    """On a connection of its own."""
    try:
        with business_time_fixed(at):
            act()
    finally:
        connection.close()


def _waiting() -> bool:
    """Whether somebody waits for what another holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        row = cursor.fetchone()
    return bool(row and row[0])


def _until(look: Callable[[], bool]) -> None:
    until = monotonic() + PATIENCE
    while not look():
        assert monotonic() < until
        sleep(0.02)
