"""Bills that stay open: a case, its steps each once, a promise, and the end of it by payment."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, transaction

from commerce.accounts.models import Party, PartyAddress
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_now, business_time_fixed, machine_now
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.payments.models import PaymentAttempt, SavedMethod
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.domain.dunning import CaseState
from subscriptions.domain.ledger import TransferKind
from subscriptions.dunning.selectors import case_of, case_view, counted, open_cases, wanted_grade
from subscriptions.dunning.services import dunning, dunning_clock
from subscriptions.ledger.selectors import Wanted, transfers
from subscriptions.ledger.services import ledger
from subscriptions.models import (
    Compensation,
    DunningCase,
    DunningEntry,
    Invoice,
    Parking,
    Subscription,
)
from subscriptions.reconciling.audit import bills_against_promises
from tests.integration.subscriptions.contracts import DAY, at, begun, firm, person, plan, run

pytestmark = pytest.mark.django_db
BILL = "FA-2026-0000001"


def day(number: int) -> date:
    return DAY + timedelta(days=number)


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def party() -> int:
    """A customer without a card, whose bill of 42.00 EUR is due on the day of its issue."""
    found = person()
    begun("C-1", [plan("42.00")], party=found)
    return found


def timers_due(until: datetime) -> list[Timer]:
    handlers = {dunning_clock.BILLS: dunning.on_bills_due, dunning_clock.LOOK: dunning.on_look_due}
    rows = Timer.objects.filter(handler__in=handlers)
    due = [row for row in rows if row.clock == "machine" or row.due_at <= until]
    for row in due:
        row.delete()
        handlers[row.handler](row.payload)
    return due


def lived(until: int, *, since: int = 1) -> None:
    """Every morning of these days, what the pump does."""
    for number in range(since, until + 1):
        with business_time_fixed(at(day(number), hour=11)):
            while timers_due(business_now()):
                pass


def steps() -> list[tuple[str, int]]:
    rows = DunningEntry.objects.order_by("pk")
    return [(row.step or row.kind, (row.on - DAY).days) for row in rows]


def paid(party: int, amount: str = "42.00", *, number: int = 12) -> None:
    with business_time_fixed(at(day(number), hour=15)):
        ledger.enter_payment(
            key=f"bank/{amount}", party_id=party, reference=BILL, amount=Money.of(amount)
        )
        timers_due(business_now())


def grades() -> list[str]:
    rows = OutboxEvent.objects.filter(name="DunningMoved").order_by("occurred_at")
    return [row.payload["grade"] for row in rows]


def with_card(party: int, method: str = "pm_1") -> None:
    SavedMethod.objects.create(
        party_id=party, customer_id="cus_1", method_id=method, card_brand="visa",
        card_last4="4242", saved_at=business_now(), chosen_at=machine_now(),
    )  # fmt: skip


def declined(key: str, reason: str, *, method: str = "pm_1") -> None:
    PaymentAttempt.objects.filter(key=key).update(
        state="declined", last_error=reason, method_id=method
    )


def test_an_account_that_never_pays_goes_through_every_step_once(party: int) -> None:
    lived(60)
    with business_time_fixed(at(day(61))):
        dunning.look(DunningCase.objects.get().account_id)
    assert steps() == [
        ("opened", 1), ("reminder", 4), ("notice", 10), ("restrict", 15), ("suspend", 30),
        ("last-notice", 32), ("terminate", 40),
    ]  # fmt: skip
    codes = list(Message.objects.order_by("pk").values_list("code", flat=True))
    assert codes == ["dunning_reminder", "dunning_notice", "dunning_last_notice"]
    notice = Message.objects.get(code="dunning_notice")
    assert "42,00 € restent impayés depuis le 10/03/2026 (facture FA-2026-0000001)" in notice.text
    assert "Sans paiement avant le 25/03/2026, vos lignes ne pourront plus que" in notice.text
    assert grades() == ["restrict", "suspend", "terminate"]
    (case,) = open_cases(grade="terminate")
    assert (case.party_id, case.next_on, case.owed) == (party, None, Money.of("42.00"))


def test_payment_ends_the_case_at_once_whatever_paid(party: int) -> None:
    lived(16)
    contract = case_of(party)
    assert contract is not None
    paid(party, "40.00", number=16)
    assert case_of(party) is not None
    paid(party, "2.00", number=17)
    assert case_of(party) is None
    assert steps()[-2:] == [("restrict", 15), ("closed", 17)]
    assert grades() == ["restrict", ""]
    assert not Timer.objects.filter(handler=dunning_clock.LOOK).exists()
    lived(60, since=18)
    assert steps()[-1] == ("closed", 17)


def test_a_paid_bill_opens_no_case_and_a_small_rest_none_either(party: int) -> None:
    paid(party, "41.60", number=0)
    lived(60)
    assert DunningCase.objects.count() == 0


def test_a_soft_refusal_is_tried_again_and_money_on_its_way_is_waited_for(party: int) -> None:
    with_card(party)
    lived(2)
    (first,) = PaymentAttempt.objects.values_list("key", "amount", "off_session")
    case = DunningCase.objects.get()
    assert first[0] == f"{BILL}/dunning/{case.pk}/retry-1"
    assert (str(first[1]), first[2]) == ("42.00", True)
    with business_time_fixed(at(day(4), hour=11)):
        dunning.look(case.account_id)
    assert steps() == [("opened", 1), ("retry-1", 2)]
    assert Timer.objects.get(handler=dunning_clock.LOOK).clock == "machine"
    declined(first[0], "insufficient_funds")
    lived(7, since=4)
    assert [key.rpartition("/")[2] for key in keys()] == ["retry-1", "retry-2"]


def keys() -> list[str]:
    return list(PaymentAttempt.objects.order_by("pk").values_list("key", flat=True))


def test_a_hard_refusal_is_not_tried_again_until_another_card_is_chosen(party: int) -> None:
    with_card(party)
    lived(2)
    declined(keys()[0], "stolen_card")
    lived(8, since=3)
    assert len(keys()) == 1
    with_card(party, "pm_2")
    lived(9, since=9)
    assert [key.rpartition("/")[2] for key in keys()] == ["retry-1", "retry-2"]


def promise(party: int, *, on: int, today: int, by: str = "Camille") -> None:
    with business_time_fixed(at(day(today))):
        dunning.promise_to_pay(party_id=party, on=day(on), by=by)


def test_a_promise_pauses_the_case_and_a_broken_one_goes_on_where_it_was(party: int) -> None:
    lived(8)
    promise(party, on=20, today=8)
    lived(20, since=9)
    case = case_of(party)
    assert case is not None
    assert (case.state, case.promised_for) == (CaseState.PROMISED, day(20))
    assert steps() == [("opened", 1), ("reminder", 4), ("promised", 8)]
    lived(26, since=21)
    assert steps()[3:] == [("broken", 21), ("notice", 21), ("restrict", 26)]
    case = case_of(party)
    assert case is not None
    assert (case.promises_left, case.history[2].by) == (1, "Camille")


def test_no_contract_ends_while_payment_is_promised_or_the_case_is_paused(party: int) -> None:
    lived(41)
    case = DunningCase.objects.get()
    promise(party, on=55, today=41)
    line = case.account.subscriptions.get().pk
    with transaction.atomic():
        assert wanted_grade(line) == "suspend"
    lived(56, since=42)
    with business_time_fixed(at(day(57))):
        dunning.pause(case_id=case.pk, by="Olga", reason="He was in hospital.")
    lived(60, since=57)
    with business_time_fixed(at(day(60))):
        dunning.resume(case_id=case.pk, by="Olga")
    assert grades() == [
        "restrict", "suspend", "terminate", "suspend", "terminate", "suspend", "terminate",
    ]  # fmt: skip
    assert steps()[-4:] == [("promised", 41), ("broken", 56), ("paused", 57), ("resumed", 60)]


def test_who_has_paid_just_before_his_case_is_paused_gets_his_line_back(party: int) -> None:
    lived(16)
    with business_time_fixed(at(day(16), hour=15)):
        ledger.enter_payment(key="p", party_id=party, reference=BILL, amount=Money.of("42.00"))
        dunning.pause(case_id=DunningCase.objects.get().pk, by="Olga", reason="In dispute.")
        timers_due(business_now())
    assert steps()[-2:] == [("paused", 16), ("closed", 16)]
    assert grades() == ["restrict", ""]


def test_who_has_a_long_address_promises_too(party: int) -> None:
    lived(8)
    promise(party, on=20, today=8, by=f"{'camille' * 20}@example.test")
    assert DunningEntry.objects.get(kind="promised").by == ("camille" * 20)[:120]


def test_a_kept_promise_is_told_and_there_is_nothing_more_to_promise(party: int) -> None:
    lived(8)
    promise(party, on=20, today=8)
    with pytest.raises(FaisceauError) as again:
        promise(party, on=22, today=9)
    assert again.value.code == "promised_already"
    paid(party, number=12)
    assert steps()[-3:] == [("promised", 8), ("kept", 12), ("closed", 12)]
    with pytest.raises(NotFound):
        promise(party, on=20, today=13)


def test_an_operator_pauses_a_case_with_a_reason_and_lets_it_go_on(party: int) -> None:
    lived(8)
    pk = DunningCase.objects.get().pk
    with pytest.raises(FaisceauError) as refused:
        dunning.pause(case_id=pk, by="Olga", reason=" ")
    assert refused.value.code == "case_reason_missing"
    with business_time_fixed(at(day(8))):
        dunning.pause(case_id=pk, by="Olga", reason="The bill is in dispute.")
    assert counted().states == {"paused": 1, "promised": 0}
    assert [case.id for case in open_cases(state="paused")] == [pk]
    assert open_cases(grade="restrict") == ()
    lived(40, since=9)
    assert steps()[-1] == ("paused", 8)
    assert case_view(pk).state is CaseState.PAUSED
    with business_time_fixed(at(day(41))):
        dunning.resume(case_id=pk, by="Olga")
    lived(46, since=41)
    assert steps()[-3:] == [("resumed", 41), ("notice", 41), ("restrict", 46)]


def test_one_case_for_all_bills_of_an_account_until_nothing_is_overdue(party: int) -> None:
    with business_time_fixed(at(date(2026, 4, 10), hour=3)):
        run(date(2026, 4, 10))
    lived(33)
    assert case_of(party) is not None
    paid(party, number=33)
    with business_time_fixed(at(day(33))):
        case = case_of(party)
    assert case is not None
    assert [bill.number for bill in case.bills] == ["FA-2026-0000002"]
    assert (case.since, case.grade, DunningCase.objects.count()) == (
        date(2026, 4, 10), "suspend", 1,
    )  # fmt: skip


def test_a_business_is_given_its_days_and_is_charged_no_card() -> None:
    party = firm()
    begun("B-1", [plan("20.00")], party=party, segment="business")
    with_card(party)
    with business_time_fixed(at(date(2026, 4, 10), hour=3)):
        run(date(2026, 4, 10))
    assert set(Invoice.objects.values_list("due_on", flat=True)) == {day(61)}
    lived(71)
    assert steps() == [
        ("opened", 62), ("fee", 62), ("fee", 62), ("reminder", 65), ("notice", 71),
    ]  # fmt: skip
    assert keys() == []


def test_each_late_bill_costs_a_firm_a_fee_once_without_tax_on_its_next_bill() -> None:
    begun("B-1", [plan("20.00")], party=firm(), segment="business")
    for month in (4, 5):
        with business_time_fixed(at(date(2026, month, 10), hour=3)):
            run(date(2026, month, 10))
    lived(80)
    assert Compensation.objects.count() == 2
    with business_time_fixed(at(date(2026, 6, 10), hour=3)):
        run(date(2026, 6, 10))
    bill = Invoice.objects.get(period_start=date(2026, 6, 10))
    # 20.00 at 20 %, and 40.00 at nothing for each of the two bills of April.
    assert (str(bill.net), str(bill.tax_total), str(bill.gross)) == ("100.00", "4.00", "104.00")
    labels = [line.label["fr"] for line in bill.lines.filter(charge="recovery_fee")]
    assert labels == [
        f"Indemnité de recouvrement, facture FA-2026-000000{n} payée en retard"
        " (hors champ de la TVA)"
        for n in (1, 2)
    ]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_what_is_wanted_of_a_line_follows_its_accounts_case(party: int) -> None:
    lived(15)
    case = DunningCase.objects.get()
    line = case.account.subscriptions.get().pk
    with transaction.atomic():
        assert wanted_grade(line) == "restrict"
    paid(party, number=16)
    with transaction.atomic():
        assert wanted_grade(line) is None


def test_a_debit_that_was_not_announced_is_not_made_and_a_case_nobody_hears_of_waits(
    party: int,
) -> None:
    """Neither e-mail, telephone nor address: an operator has to find one out."""
    with_card(party)
    Party.objects.filter(pk=party).update(email="")
    SavedMethod.objects.update(kind="sepa_debit", mandate_id="m_1", mandate_reference="UMR1")
    lived(16)
    assert (keys(), steps()) == ([], [("opened", 1), ("paused", 4)])
    assert DunningEntry.objects.get(kind="paused").note == dunning.NOBODY_REACHED
    assert (Message.objects.count(), grades()) == (0, [])
    with business_time_fixed(at(day(17))):
        Party.objects.filter(pk=party).update(email="c@example.test")
        dunning.resume(case_id=DunningCase.objects.get().pk, by="Olivia", note="He called.")
    lived(17, since=17)
    assert (steps()[-1], Message.objects.get().code) == (("resumed", 17), "debit_coming")


def test_who_has_an_address_alone_is_told_by_post_and_given_its_days(party: int) -> None:
    """Five days each: the notice of day 10 arrives on day 15, five days before the lines stop."""
    Party.objects.filter(pk=party).update(email="", display_name="Camille Roux")
    PartyAddress.objects.create(
        party_id=party, name="Camille Roux", line1="3 rue Haute", postcode="75011", city="Paris"
    )
    lived(40)
    assert steps()[:5] == [
        ("opened", 1), ("reminder", 4), ("notice", 15), ("restrict", 25), ("suspend", 40),
    ]  # fmt: skip
    letter = Message.objects.get(code="dunning_notice")
    assert (letter.channel, letter.to) == ("post", "Camille Roux\n3 rue Haute\n75011 Paris")
    assert "42,00 € restent impayés" in letter.text
    assert "Sans paiement avant le 04/04/2026" in letter.text


def test_who_has_a_telephone_alone_is_told_by_post_what_no_sms_says(party: int) -> None:
    """The reminder is an SMS of the fourth day; the notices are letters, each given its days."""
    Party.objects.filter(pk=party).update(email="", phone="+33639981234", display_name="C. Roux")
    PartyAddress.objects.create(
        party_id=party, name="C. Roux", line1="3 rue Haute", postcode="75011", city="Paris"
    )
    lived(40)
    assert steps()[:5] == [
        ("opened", 1), ("reminder", 4), ("notice", 10), ("restrict", 20), ("suspend", 35),
    ]  # fmt: skip
    told = Message.objects.filter(code__startswith="dunning").order_by("pk")
    assert list(told.values_list("code", "channel"))[:2] == [
        ("dunning_reminder", "sms"), ("dunning_notice", "post"),
    ]  # fmt: skip


def test_who_has_a_telephone_alone_is_not_restricted_without_the_notice(party: int) -> None:
    """No SMS says it, and no address is known: an operator has to find one out."""
    Party.objects.filter(pk=party).update(email="", phone="+33639981234")
    lived(40)
    assert steps() == [("opened", 1), ("reminder", 4), ("paused", 10)]
    assert DunningEntry.objects.get(kind="paused").note == dunning.NOBODY_REACHED
    assert grades() == []


def debited(key: str, state: str) -> None:
    PaymentAttempt.objects.filter(key=key).update(state=state, method_kind="sepa_debit")


def test_a_case_waits_for_the_bank_that_has_to_say_whether_it_pays(party: int) -> None:
    with_card(party)
    lived(2)
    debited(keys()[0], "processing")
    lived(8, since=3)
    assert steps() == [("opened", 1), ("retry-1", 2)]
    assert case_of(party) is not None
    debited(keys()[0], "declined")
    lived(9, since=9)
    assert steps()[2:] == [("reminder", 9)]


def test_a_debit_that_the_bank_refuses_late_is_looked_at_all_the_same(party: int) -> None:
    PaymentAttempt.objects.create(
        key=f"{BILL}/charge/1", party_id=party, reference=BILL, amount="42.00",
        state="processing", method_kind="sepa_debit", off_session=True, expires_at=business_now(),
    )  # fmt: skip
    lived(12)
    assert steps() == []
    debited(f"{BILL}/charge/1", "declined")
    lived(13, since=13)
    assert steps() == [("opened", 13), ("reminder", 13)]


def test_what_is_given_up_after_the_end_is_a_loss(party: int) -> None:
    lived(41)
    pk = DunningCase.objects.get().pk
    with business_time_fixed(at(day(41))):
        with pytest.raises(FaisceauError) as refused:
            dunning.give_up(case_id=pk, by="Olga", reason="Nobody there.")
        assert refused.value.code == "contracts_run"
        Subscription.objects.update(status="ended")
        dunning.give_up(case_id=pk, by="Olga", reason="Nobody there.")
        timers_due(business_now())
        (lost,) = transfers(Wanted(kind=TransferKind.WRITE_OFF), limit=9)
    assert (lost.debit, lost.credit, lost.amount) == ("loss", "receivable", Money.of("42.00"))
    assert steps()[-2:] == [("lost", 41), ("closed", 41)]


def test_what_was_promised_and_is_given_up_was_not_kept(party: int) -> None:
    lived(41)
    promise(party, on=50, today=41)
    with business_time_fixed(at(day(42))):
        Subscription.objects.update(status="ended")
        dunning.give_up(case_id=DunningCase.objects.get().pk, by="Olga", reason="Nobody there.")
        timers_due(business_now())
    assert steps()[-4:] == [("promised", 41), ("broken", 42), ("lost", 42), ("closed", 42)]


def test_a_transfer_that_is_taken_back_opens_a_case_again(party: int) -> None:
    lived(4)
    with business_time_fixed(at(day(5))):
        account = locked_account(party_id=party, segment="consumer")
        ledger.enter_transfer(account, key="b/1", reference=BILL, amount=Money.of("42.00"))
    lived(6, since=5)
    assert steps()[-1] == ("closed", 5)
    with business_time_fixed(at(day(7))):
        ledger.enter_transfer_back(
            account, key="b/2", reference=BILL, amount=Money.of("42.00"),
            kind=TransferKind.REVERSAL,
        )  # fmt: skip
    lived(10, since=8)
    assert steps()[-2:] == [("opened", 8), ("reminder", 8)]


def test_history_is_only_added_to(party: int) -> None:
    lived(4)
    for change in (
        lambda: DunningEntry.objects.update(note="never"),
        lambda: DunningEntry.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert DunningEntry.objects.count() == 2


def test_the_check_of_the_settings_reads_the_operators_own_table(
    settings: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("policy") / "steps.yaml"
    step = "steps:\n  - {code: letter, days: 9, action: message, message: %s}\n"
    file.write_text(step % "nobody_wrote_it")
    settings.DUNNING_POLICY = str(file)  # type: ignore[attr-defined]
    (error,) = [each for each in run_checks() if each.id == "subscriptions.E002"]
    assert error.msg == (
        "DUNNING_POLICY: Dunning policy: step letter: there is no message nobody_wrote_it."
    )
