"""Interest on a firm's late bills: asked for once, on its next bill, without tax; waived."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import LazySettings

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money
from commerce.payments.models import PaymentAttempt
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.bank.services.bank_file import take_in
from subscriptions.contracts.services.cycle_day import move_cycle_day
from subscriptions.dunning.interest import asked_of, interest_of, late_bill
from subscriptions.dunning.selectors import case_of
from subscriptions.dunning.services import dunning, dunning_clock, late_interest
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.services import ledger
from subscriptions.models import (
    BankEntry,
    BankShare,
    BankStatement,
    Compensation,
    DebitNotice,
    DunningCase,
    DunningEntry,
    Invoice,
    LateInterest,
    Parking,
    Subscription,
)
from subscriptions.reconciling.audit import bills_against_promises
from tests.bank_files import Moved, bank_file
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    firm,
    handset,
    person,
    plan,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
BILL, UNDER = "FA-2026-0000001", "F-1"
DUE = date(2026, 4, 9)
"""Thirty days after the bill of an order for 1000.00 and 200.00 of tax."""


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def party() -> int:
    """A firm with a plan of 20.00 a month that owes 1200.00 EUR on the ninth of April."""
    found = firm()
    promised("F-1", [handset("1000.00")], segment="business")
    bill_order(
        order_number="F-1",
        party_id=found,
        segment="business",
        charges={"g1": [handset("1000.00")]},
        tax_rates=RATES,
    )
    begun("B-1", [plan("20.00")], party=found, segment="business")
    billed(date(2026, 4, 10))
    return found


def timers_due(until: datetime) -> None:
    handlers = {dunning_clock.BILLS: dunning.on_bills_due, dunning_clock.LOOK: dunning.on_look_due}
    for row in Timer.objects.filter(handler__in=handlers).order_by("due_at"):
        if row.clock == "machine" or row.due_at <= until:
            row.delete()
            handlers[row.handler](row.payload)


def lived(until: date, *, since: date = DUE) -> None:
    day = since
    while day <= until:
        with business_time_fixed(at(day, hour=11)):
            timers_due(business_now())
        day += timedelta(days=1)


def paid(party: int, amount: str, *, on: date, key: str = "") -> None:
    with business_time_fixed(at(on, hour=15)):
        ledger.enter_payment(
            key=key or f"pay/{amount}", party_id=party, reference=UNDER, amount=Money.of(amount)
        )
        timers_due(business_now())


def asked() -> list[tuple[date, date, str]]:
    rows = LateInterest.objects.order_by("pk")
    return [(row.starts_on, row.ends_on - timedelta(days=1), str(row.amount)) for row in rows]


def billed(on: date) -> Invoice:
    with business_time_fixed(at(on, hour=3)):
        run(on)
    return Invoice.objects.get(period_start=on)


@pytest.fixture
def monthly(tmp_path: Path, settings: object) -> None:
    table = tmp_path / "dunning.yaml"
    table.write_text(
        "steps:\n  - {code: r, days: 4, action: message, message: dunning_reminder}\n"
        "interest: {segment: business, when: monthly, least: '5.00'}\n"
    )
    settings.DUNNING_POLICY = str(table)  # type: ignore[attr-defined]


def test_a_late_bill_bears_interest_until_it_is_paid_asked_on_the_next_bill(party: int) -> None:
    """A part after 10 days, the rest after 30: 2.5841 + 3.0148 at 7.86 % a year."""
    lived(date(2026, 4, 18))
    paid(party, "500.00", on=date(2026, 4, 19))
    lived(date(2026, 5, 8), since=date(2026, 4, 20))
    assert asked() == []
    paid(party, "700.00", on=date(2026, 5, 9))
    assert asked() == [(date(2026, 4, 10), date(2026, 5, 9), "5.60")]
    kinds = list(DunningEntry.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-2:] == ["interest", "closed"]
    bill = billed(date(2026, 5, 10))
    (line,) = bill.lines.filter(charge="late_interest")
    assert (str(line.amount), str(line.tax_rate)) == ("5.60", "0.00")
    assert line.label["fr"] == f"Intérêts de retard, facture {BILL} (hors champ de la TVA)"
    assert (line.starts_on, line.ends_on) == (date(2026, 4, 10), date(2026, 5, 10))
    # 20.00 at 20 %, the costs of 40.00 and the interest without tax.
    assert (str(bill.net), str(bill.tax_total)) == ("65.60", "4.00")
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    (said,) = interest_of(party)
    assert [(str(p.open.amount), p.days.days, str(p.percent)) for p in said.parts] == [
        ("1200.00", 10, "7.86"), ("700.00", 20, "7.86"),
    ]  # fmt: skip


def test_nothing_is_asked_twice_and_a_bill_with_interest_bears_none_on_it(party: int) -> None:
    lived(date(2026, 5, 8))
    paid(party, "1200.00", on=date(2026, 5, 9))
    next_bill = billed(date(2026, 5, 10))
    assert late_bill(next_bill).bearing == Money.of("24.00")
    lived(date(2026, 6, 8), since=date(2026, 5, 10))
    case = DunningCase.objects.get(closed_on__isnull=True)
    dunning.look(case.account_id)
    assert [row[2] for row in asked()] == ["7.75"]


def test_it_stands_on_the_part_of_a_cycle_that_leads_to_another_bill_day(party: int) -> None:
    """20.00 for 15 of the 30 days until 25 May, 40.00 of costs and the interest, each once."""
    lived(date(2026, 5, 8))
    paid(party, "1200.00", on=date(2026, 5, 9))
    actor = Actor(ActorKind.USER, 7, "Camille")
    with business_time_fixed(at(date(2026, 5, 9), hour=16)):
        move_cycle_day(AccountContext(actor, party, Role.CUSTOMER, Channel.WEB), day=25)
    bridge, whole = billed(date(2026, 5, 10)), billed(date(2026, 5, 25))
    assert (bridge.period_end, str(bridge.net)) == (date(2026, 5, 25), "57.75")
    assert [line.charge for line in whole.lines.all()] == ["plan"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_less_than_the_least_is_not_asked_for(party: int) -> None:
    """Three days of 1200.00 bear 0.78."""
    lived(date(2026, 4, 11))
    paid(party, "1200.00", on=date(2026, 4, 12))
    assert asked() == []
    assert DunningCase.objects.get().closed_on == date(2026, 4, 12)


def test_a_consumer_bears_nothing() -> None:
    found = person()
    begun("C-1", [plan("1200.00")], party=found)
    lived(date(2026, 4, 30), since=DAY)
    with business_time_fixed(at(date(2026, 5, 9))):
        ledger.enter_payment(key="pay", party_id=found, reference=BILL, amount=Money.of("1200.00"))
        timers_due(business_now())
    assert DunningCase.objects.get().closed_on == date(2026, 5, 9)
    assert (asked(), Compensation.objects.count()) == ([], 0)


def test_a_transfer_counts_from_the_day_on_which_our_bank_had_it(party: int) -> None:
    """Its file was taken in five days later."""
    lived(date(2026, 5, 13))
    statement = BankStatement.objects.create(
        iban="FR1", statement_id="S", on=DUE, opening=Decimal(0), closing=Decimal(0),
        file="f", digest="d",        taken_in_at=business_now(), taken_in_by="Odile",
    )  # fmt: skip
    entry = BankEntry.objects.create(
        statement=statement, iban="FR1", key="E", booked_on=date(2026, 5, 9), amount=Decimal(1200)
    )
    with business_time_fixed(at(date(2026, 5, 14), hour=15)):
        account = locked_account(party_id=party, segment="business")
        share = BankShare.objects.create(
            entry=entry,
            account=account,
            reference=BILL,
            amount=Decimal(1200),
            by="",
            at=business_now(),
        )
        ledger.enter_transfer(account, key=share.key, reference=BILL, amount=Money.of("1200.00"))
        timers_due(business_now())
    assert asked() == [(date(2026, 4, 10), date(2026, 5, 9), "7.75")]


def told(day: date, moved: Moved) -> None:
    """The file of that day is taken in."""
    with business_time_fixed(at(day, hour=15)):
        assert take_in(bank_file(moved), file="a.xml", by="Odile").booked == 1
        timers_due(business_now())


def next_bills() -> list[tuple[str, str]]:
    """What the next bills ask for beside what is billed, or give back."""
    rows = Compensation.objects.order_by("pk")
    return [(row.reference, str(-row.amount)) for row in rows]


def test_what_was_asked_for_days_by_which_a_transfer_had_come_goes_back(
    party: int, monthly: None
) -> None:
    """Asked until 10 May, 8.01; the file of 14 May tells of 20 April: eleven days, 2.84."""
    lived(date(2026, 5, 9))
    billed(date(2026, 5, 10))
    lived(date(2026, 5, 13), since=date(2026, 5, 10))
    assert asked() == [(date(2026, 4, 10), date(2026, 5, 10), "8.01")]
    told(date(2026, 5, 14), Moved("1200.00", text=BILL, ref="B1", on="2026-04-20"))
    (said,) = interest_of(party)
    number = said.id
    assert (said.amount, said.given_back) == (Money.of("8.01"), Money.of("5.17"))
    assert next_bills() == [
        (f"interest/{number}", "8.01"), (f"interest/{number}/back/5.17", "-5.17"),
    ]  # fmt: skip
    assert DunningEntry.objects.get(kind="returned").facts == {"bill": BILL, "amount": "5.17"}
    moved = OutboxEvent.objects.filter(name="LateInterestMoved").order_by("occurred_at", "pk")
    assert [(row.payload["state"], row.payload["amount"]) for row in moved] == [
        ("asked", "8.01"), ("given_back", "5.17"),
    ]  # fmt: skip
    bill = billed(date(2026, 6, 10))
    lines = bill.lines.filter(charge="late_interest").order_by("position")
    assert [(str(line.amount), line.label["en"]) for line in lines] == [
        ("8.01", f"Interest on late payment, bill {BILL} (outside the scope of VAT)"),
        ("-5.17", f"Interest on late payment asked too much, bill {BILL}"),
    ]
    assert (str(bill.net), Parking.objects.count()) == ("22.84", 0)
    assert all(check.equal for check in bills_against_promises())


def test_who_had_paid_by_the_due_day_gets_all_back_when_the_file_comes(
    party: int, monthly: None, tmp_path: Path, settings: LazySettings
) -> None:
    """The bank had booked it a day later, and lets it count from the due day."""
    table = tmp_path / "with_fee.yaml"
    fee = "late_fee: {amount: '40.00', segment: business}\n"
    table.write_text((tmp_path / "dunning.yaml").read_text() + fee)
    settings.DUNNING_POLICY = str(table)
    lived(date(2026, 5, 13))
    moved = Moved("1200.00", text=BILL, ref="B1", on="2026-04-10", valued="2026-04-09")
    told(date(2026, 5, 14), moved)
    (said,) = interest_of(party)
    assert said.given_back == said.amount == Money.of("8.01")
    # Those of the months were late indeed.
    others = ("late/FA-2026-0000002", "late/FA-2026-0000003")
    assert [row for row in next_bills() if row[0] not in others] == [
        (f"late/{BILL}", "40.00"),
        (f"interest/{said.id}", "8.01"),
        (f"late/{BILL}/back", "-40.00"),
        (f"interest/{said.id}/back/8.01", "-8.01"),
    ]
    with pytest.raises(FaisceauError) as refused:
        late_interest.waive(party_id=party, interest_id=said.id, by="Amina", reason="Kind.")
    assert refused.value.code == "interest_given_back"
    assert not Compensation.objects.filter(reference__endswith="waived").exists()


def test_a_part_that_came_before_lowers_what_its_days_bore_once(party: int, monthly: None) -> None:
    """700.00 instead of 1200.00 from 21 April on: 2.84 + 3.01 for 11 and 20 days."""
    lived(date(2026, 5, 13))
    told(date(2026, 5, 14), Moved("500.00", text=BILL, ref="B1", on="2026-04-20"))
    dunning.look(DunningCase.objects.get().account_id)
    (said,) = interest_of(party)
    assert said.given_back == Money.of("2.15")
    late_interest.waive(party_id=party, interest_id=said.id, by="Amina", reason="Kind.")
    assert [amount for _, amount in next_bills()] == ["8.01", "-2.15", "-5.86"]


def test_what_is_told_the_same_day_gives_nothing_back(party: int, monthly: None) -> None:
    lived(date(2026, 5, 13))
    told(date(2026, 5, 14), Moved("1200.00", text=BILL, ref="B1", on="2026-05-14"))
    assert [row[2] for row in asked()] == ["8.01"]
    assert [amount for _, amount in next_bills()] == ["8.01"]


def test_a_debit_counts_on_its_day_and_until_it_nobody_is_late(party: int) -> None:
    """Announced on 15 April for 29 April: six days before, and the fourteen since bear nothing."""
    lived(date(2026, 4, 14))
    bill = Invoice.objects.get(number=BILL)
    DebitNotice.objects.create(
        invoice=bill, mandate_reference="UMR1", last4="4242", amount=Decimal(1200),
        debit_on=date(2026, 4, 29), told_at=at(date(2026, 4, 15)),
    )  # fmt: skip
    with business_time_fixed(at(date(2026, 4, 29))):
        PaymentAttempt.objects.create(
            key=f"{BILL}/charge/1", party_id=party, reference=BILL, amount="1200.00",
            off_session=True, state="settled", method_kind="sepa_debit",
            expires_at=business_now(),
        )  # fmt: skip
    paid(party, "1200.00", on=date(2026, 5, 4), key=f"{BILL}/charge/1")
    assert [(row.amount, row.parts[0]["end"]) for row in LateInterest.objects.all()] == [
        (Decimal("1.55"), "2026-04-16")
    ]


def test_monthly_an_open_bill_is_asked_for_what_it_bore_and_the_rest_with_its_payment(
    party: int, monthly: None
) -> None:
    lived(date(2026, 6, 15))
    # 31 days of April and May, 31 to June; 1200.00 x 7.86 % / 365 a day.
    assert asked() == [
        (date(2026, 4, 10), date(2026, 5, 10), "8.01"),
        (date(2026, 5, 11), date(2026, 6, 11), "8.27"),
    ]
    paid(party, "1200.00", on=date(2026, 7, 9))
    assert asked()[2:] == [(date(2026, 6, 12), date(2026, 7, 9), "7.24")]


def test_monthly_what_is_less_than_the_least_is_asked_in_a_later_month(
    party: int, monthly: None
) -> None:
    """A day of 1200.00, then 700.00: 4.78 by 10 May and 9.45 by 10 June."""
    lived(date(2026, 4, 9))
    paid(party, "500.00", on=date(2026, 4, 10))
    lived(date(2026, 6, 12), since=date(2026, 4, 11))
    assert asked() == [(date(2026, 4, 10), date(2026, 6, 10), "9.45")]


def test_a_promise_after_the_oldest_bill_was_paid_leaves_nothing_out(party: int) -> None:
    """It is made before the account is looked at again: the other bill is the oldest then."""
    lived(date(2026, 5, 19))
    with business_time_fixed(at(date(2026, 5, 19), hour=15)):
        ledger.enter_payment(key="pay", party_id=party, reference=UNDER, amount=Money.of("1200.00"))
        dunning.promise_to_pay(party_id=party, on=date(2026, 5, 22), by="Camille")
        timers_due(business_now())
    assert asked() == [(date(2026, 4, 10), date(2026, 5, 19), "10.34")]


def test_while_a_case_is_paused_nothing_is_asked(party: int, monthly: None) -> None:
    lived(date(2026, 4, 20))
    dunning.pause(case_id=DunningCase.objects.get().pk, by="Olivia", reason="It is disputed.")
    lived(date(2026, 6, 15), since=date(2026, 4, 21))
    assert asked() == []


def test_a_promise_is_no_new_due_day(party: int) -> None:
    lived(date(2026, 4, 20))
    with business_time_fixed(at(date(2026, 4, 25))):
        dunning.promise_to_pay(party_id=party, on=date(2026, 5, 9), by="Camille")
    paid(party, "1200.00", on=date(2026, 5, 9))
    assert asked() == [(date(2026, 4, 10), date(2026, 5, 9), "7.75")]


def test_a_case_says_what_is_borne_so_far(party: int) -> None:
    lived(date(2026, 5, 9))
    with business_time_fixed(at(date(2026, 5, 9))):
        case = case_of(party)
    assert case is not None
    assert (case.interest, case.asked) == (Money.of("7.75"), ())


def test_it_is_waived_with_a_reason_by_a_line_of_the_next_bill_once(party: int) -> None:
    lived(date(2026, 5, 8))
    paid(party, "1200.00", on=date(2026, 5, 9))
    (row,) = LateInterest.objects.all()
    with pytest.raises(FaisceauError) as refused:
        late_interest.waive(party_id=party, interest_id=row.pk, by="Amina", reason=" ")
    assert refused.value.code == "waiver_reason_missing"
    assert Compensation.objects.filter(reference__endswith="waived").count() == 0
    why = "Our bank was late."
    late_interest.waive(party_id=party, interest_id=row.pk, by="Amina", reason=why)
    with pytest.raises(FaisceauError) as again:
        late_interest.waive(party_id=party, interest_id=row.pk, by="Amina", reason="Again.")
    assert again.value.code == "interest_waived"
    bill = billed(date(2026, 5, 10))
    amounts = bill.lines.filter(charge="late_interest").order_by("position")
    assert [str(line.amount) for line in amounts] == ["7.75", "-7.75"]
    assert str(bill.net) == "60.00"
    (said,) = asked_of(DunningCase.objects.get())
    assert (said.waived_by, said.reason) == ("Amina", "Our bank was late.")
    entry = DunningEntry.objects.get(kind="waived")
    assert (entry.by, entry.note, entry.facts["amount"]) == ("Amina", "Our bank was late.", "7.75")
    assert all(check.equal for check in bills_against_promises())
    assert Parking.objects.count() == 0


def test_anothers_interest_is_not_there_and_without_a_coming_bill_nothing_is_waived(
    party: int,
) -> None:
    lived(date(2026, 5, 8))
    paid(party, "1200.00", on=date(2026, 5, 9))
    (row,) = LateInterest.objects.all()
    Subscription.objects.update(status="ended")
    for whose, code in [(firm(), "unknown_interest"), (party, "no_bill_to_come")]:
        with pytest.raises(FaisceauError) as refused:
            late_interest.waive(party_id=whose, interest_id=row.pk, by="Amina", reason="Kind.")
        assert refused.value.code == code
    row.refresh_from_db()
    assert (row.waived_at, Compensation.objects.filter(amount__gt=0).count()) == (None, 0)
