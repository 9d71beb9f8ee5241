"""Merchants' months are closed while things are sold: by two at once, and with a request that began
before midnight and comes to its end after it. Nothing is lost, nothing counts twice."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
from django.db import connection, transaction

from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.errors import RuleViolated
from subscriptions.carrier.leaks import merchant_differences
from subscriptions.carrier.models import (
    CarrierPayment,
    CarrierRefund,
    Merchant,
    MerchantSettlement,
    MerchantTransfer,
)
from subscriptions.carrier.services import (
    commissions,
    confirming,
    purchasing,
    refunding,
    settling,
)
from subscriptions.carrier.services.refunding import RefundAsked
from subscriptions.carrier.statements import MerchantStatement, statements
from subscriptions.domain.carrier import RefundKind
from subscriptions.models import BillingAccount, Invoice
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_carrier_billing import asked, merchant

pytestmark = pytest.mark.django_db(transaction=True)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
MIDNIGHT = datetime(2026, 4, 1, tzinfo=PARIS)
BEFORE, AFTER = MIDNIGHT - timedelta(seconds=1), MIDNIGHT + timedelta(seconds=1)
PATIENCE = 60


@pytest.fixture
def seller() -> Merchant:
    """He has sold for 12.00 in March."""
    with business_time_fixed(at(DAY)):
        begun("F-1", [plan("29.99")], party=person())
        found = merchant()
        charge(found, "r-1", now=at(DAY))
    return found


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def charge(seller: Merchant, reference: str, *, now: datetime) -> CarrierPayment:
    with business_time_fixed(now):
        return purchasing.charge(party_id=seller.party_id, purchase=asked("12.00", reference))


def close(now: datetime) -> int:
    with business_time_fixed(now):
        return settling.close(MARCH, by="x")


def elsewhere(act: Callable[[], object]) -> Callable[[], object]:
    """With a connection of its own, which is closed."""

    def done() -> object:
        try:
            return act()
        finally:
            connection.close()

    return done


def until_somebody_waits() -> None:
    """For a lock that another connection holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks AS held JOIN pg_stat_activity AS other USING (pid)"
                " WHERE NOT held.granted AND other.datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@contextmanager
def held_open(act: Callable[[], object], pool: ThreadPoolExecutor) -> Iterator[Future[object]]:
    """`act` is done by another connection, and committed when the block ends."""
    done, let_go = threading.Event(), threading.Event()

    def hold() -> object:
        with transaction.atomic():
            result = act()
            done.set()
            assert let_go.wait(PATIENCE)
        return result

    future = pool.submit(elsewhere(hold))
    try:
        assert done.wait(PATIENCE)
        yield future
    finally:
        let_go.set()


def months() -> dict[date, tuple[int, str]]:
    """What each statement says: purchases, and what is due."""
    return {
        month: (told.purchases, str(told.due.amount))
        for month in (MARCH, APRIL)
        for told in statements(month)
    }


def test_a_closing_waits_for_what_is_being_sold(
    seller: Merchant, others: ThreadPoolExecutor
) -> None:
    with held_open(lambda: charge(seller, "r-2", now=BEFORE), others):
        closing = others.submit(elsewhere(lambda: close(AFTER)))
        until_somebody_waits()
        assert not MerchantSettlement.objects.exists()
    assert closing.result(PATIENCE) == 1
    assert months() == {MARCH: (2, "14.00")}
    assert MerchantSettlement.objects.get().purchases == 2


def test_what_comes_too_late_for_its_month_counts_in_the_next(
    seller: Merchant, others: ThreadPoolExecutor
) -> None:
    first = CarrierPayment.objects.get()
    with business_time_fixed(BEFORE):
        asked_for = asked("12.00", "r-3", told={"phoneNumber": "+33639980001"})
        held = purchasing.prepare(party_id=seller.party_id, purchase=asked_for)
    CarrierPayment.objects.filter(pk=held.pk).update(state="reserved")

    def give_back() -> CarrierRefund:
        told = RefundAsked(RefundKind.TOTAL, reference="b-1", reason="")
        with business_time_fixed(BEFORE):
            return refunding.refund_by_merchant(
                party_id=seller.party_id, payment_id=first.pk, asked=told, by="x"
            )

    def confirm() -> None:
        with business_time_fixed(BEFORE):
            number = "+33639980001"
            confirming.confirm(party_id=seller.party_id, payment_id=held.pk, number=number)

    with held_open(lambda: close(AFTER), others):
        late = [
            others.submit(elsewhere(act))
            for act in (lambda: charge(seller, "r-2", now=BEFORE), give_back, confirm)
        ]
        until_somebody_waits()
        assert months() == {MARCH: (1, "7.00")}
    for each in late:
        each.result(PATIENCE)
    assert months() == {MARCH: (1, "7.00"), APRIL: (2, "7.00")}
    rows = CarrierPayment.objects.exclude(pk=first.pk).values_list("paid_at", "month")
    assert set(rows) == {(MIDNIGHT, APRIL)}, "they count in the month's cap too"
    assert CarrierRefund.objects.get().made_at == MIDNIGHT
    with business_time_fixed(at(date(2026, 5, 3))):
        assert settling.close(APRIL, by="x") == 1
        assert list(merchant_differences(date(2026, 5, 3))) == []
    dues = MerchantSettlement.objects.order_by("month").values_list("month", "due")
    assert [(month, str(due)) for month, due in dues] == [(MARCH, "7.00"), (APRIL, "7.00")]


def test_two_closings_at_once_are_one(seller: Merchant, others: ThreadPoolExecutor) -> None:
    with held_open(lambda: close(AFTER), others) as first:
        second = others.submit(elsewhere(lambda: close(AFTER)))
        until_somebody_waits()
    assert (first.result(PATIENCE), second.result(PATIENCE)) == (1, 0)
    assert MerchantSettlement.objects.count() == MerchantTransfer.objects.count() == 1
    with business_time_fixed(AFTER):
        assert settling.payable_to(seller.pk).amount == 7


def test_one_who_can_not_be_closed_holds_up_no_other(
    seller: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with business_time_fixed(at(DAY)):
        charge(merchant(code="soleil"), "r-1", now=at(DAY))
    whole = commissions.invoice

    def invoice(told: MerchantStatement, month: date) -> Invoice | None:
        if told.code == "lune":
            raise ValueError("planted")
        return whole(told, month)

    monkeypatch.setattr(commissions, "invoice", invoice)
    with pytest.raises(RuleViolated) as refusal:
        close(AFTER)
    assert refusal.value.code == "months_not_closed"
    assert [row.merchant.code for row in MerchantSettlement.objects.all()] == ["soleil"]
    monkeypatch.undo()
    assert close(AFTER) == 1


def test_a_month_that_can_not_be_closed_holds_up_no_later_one(
    seller: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with business_time_fixed(at(DAY)):
        other = merchant(code="soleil")
    charge(other, "r-1", now=AFTER)

    def invoice(told: MerchantStatement, month: date) -> Invoice | None:
        if told.code == "lune":
            raise ValueError("planted")
        return None

    monkeypatch.setattr(commissions, "invoice", invoice)
    for _ in range(2):
        with business_time_fixed(at(date(2026, 5, 3))), pytest.raises(RuleViolated) as refusal:
            settling.on_due({"month": "2026-04-01"})
        assert refusal.value.code == "months_not_closed"
    closed = MerchantSettlement.objects.values_list("merchant__code", "month")
    assert list(closed) == [("soleil", APRIL)]


def test_a_month_is_one_of_paris_wherever_the_account_is(seller: Merchant) -> None:
    """In Martinique March lasts six hours longer."""
    BillingAccount.objects.update(zone="America/Martinique")
    charge(seller, "r-2", now=AFTER)
    assert months() == {MARCH: (1, "7.00"), APRIL: (1, "7.00")}
    assert close(AFTER) == 1
    assert months()[MARCH] == (1, "7.00")
