"""Deposits: asked by the policy, paid by link, held, used for what is open, given back."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money
from commerce.notifications.models import Message, MessageChannel
from commerce.payments.models import Dispute, PaymentAttempt, PaymentEffect
from commerce.payments.ports import DisputeState
from orchestration.subscribers import on_payment_refunded
from subscriptions.collection.deposits import deposit_wanted, deposits_of, held_deposit
from subscriptions.collection.links import link_by_token, links_of
from subscriptions.collection.services import deposits, links
from subscriptions.domain.ledger import Book, TransferKind
from subscriptions.dunning.services import dunning
from subscriptions.ledger.selectors import Wanted, transfers
from subscriptions.models import BillingAccount, Deposit, DunningCase, Subscription, Transfer
from subscriptions.reconciling.audit import ledger_differences
from subscriptions.reconciling.leaks import billing_differences
from subscriptions.subscribers import on_dispute_moved, on_payment_settled
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_pay_links import (
    agent,
    asked,
    authorised,
    effects_of,
    open_on,
    settled,
)

pytestmark = pytest.mark.django_db
LATER = DAY + timedelta(days=60)
END = LATER + timedelta(days=30)


@pytest.fixture(autouse=True)
def _later() -> Iterator[None]:
    with business_time_fixed(at(LATER)):
        yield


@pytest.fixture
def party() -> int:
    """A customer with an open bill of 42.00 EUR, whose lines were once stopped."""
    found = person()
    Party.objects.filter(pk=found).update(email="camille@example.test", language="fr")
    with business_time_fixed(at(DAY)):
        begun("C-1", [plan("42.00")], party=found)
    DunningCase.objects.create(
        account=account(found),
        opened_on=DAY,
        closed_on=DAY,
        since=DAY,
        owed=Decimal(0),
        grade="suspend",
    )
    return found


def account(party: int) -> BillingAccount:
    return BillingAccount.objects.get(party_id=party)


def wished(party: int) -> str:
    """The secret of a link to pay the deposit."""
    links.ask_deposit(agent(party), channel=MessageChannel.EMAIL)
    text = Message.objects.filter(code="deposit_link").latest("pk").text
    return text.partition("/pay/")[2].partition("/")[0]


def held(party: int) -> str:
    """Paid; the key of its payment."""
    key = asked(wished(party))
    authorised(key)
    settled(key)
    on_payment_settled({"key": key})
    return key


def ended(party: int) -> None:
    """All contracts are over, and so is the day on which the deposit is to be settled."""
    Subscription.objects.filter(party=party).update(status="ended")
    with business_time_fixed(at(END, hour=9)):
        for _ in range(2):
            deposits.on_due({"account": account(party).pk})


def moved() -> list[tuple[str, str, str]]:
    rows = transfers(Wanted(kind=TransferKind.DEPOSIT), limit=10)
    return [(row.debit, row.credit, str(row.amount.amount)) for row in reversed(rows)]


def test_a_deposit_is_asked_by_the_policy_paid_by_link_once_and_held(party: int) -> None:
    assert deposit_wanted(party) == Money.of("60.00")
    token = wished(party)
    assert link_by_token(token).open == Money.of("60.00")
    assert "60,00 €" in Message.objects.get(code="deposit_link").text
    first = asked(token)
    assert asked(token) == first == f"{Deposit.objects.get().reference}/pay/1"
    authorised(first)
    settled(first)
    for _ in range(2):
        on_payment_settled({"key": first})
    assert effects_of() == [(first, "capture", "60.00")]
    assert moved() == [(Book.UNAPPLIED, Book.DEPOSIT, "60.00")]
    assert (held_deposit(party), open_on(party)) == (Money.of("60.00"), ["42.00", "0.00"])
    receipt = Message.objects.get(code="deposit_received")
    assert "votre dépôt de garantie de 60,00 €" in receipt.text
    assert [str(each.state) for each in links_of(party)] == ["paid"]
    with pytest.raises(FaisceauError) as refused:
        asked(token)
    assert refused.value.code == "nothing_to_pay"
    assert ledger_differences() == ()


def refusal(party: int) -> str:
    with pytest.raises(FaisceauError) as refused:
        links.ask_deposit(agent(party), channel=MessageChannel.EMAIL)
    return refused.value.code


def test_until_it_has_come_another_link_leads_to_the_same_deposit(party: int) -> None:
    wished(party)
    DunningCase.objects.update(grade="terminate")
    with business_time_fixed(at(LATER + timedelta(days=8))):
        assert [str(each.state) for each in links_of(party)] == ["expired"]
        token = wished(party)
        assert link_by_token(token).open == Money.of("60.00")
        key = asked(token)
    assert Deposit.objects.count() == 1
    authorised(key)
    settled(key)
    assert refusal(party) == "no_deposit"


def test_nobody_is_asked_whom_the_policy_does_not_name_nor_without_a_contract(party: int) -> None:
    """Nothing would settle what came after the end of the last one."""
    assert refusal(person()) == "no_deposit"
    Subscription.objects.update(status="ended")
    assert deposit_wanted(party) == Money.zero()
    assert refusal(party) == "no_deposit"
    assert Deposit.objects.count() == 0


def test_in_the_end_it_pays_what_is_open_and_the_rest_goes_back_to_its_card(party: int) -> None:
    key = held(party)
    deposits.on_due({"account": account(party).pk})
    assert held_deposit(party) == Money.of("60.00")
    ended(party)
    assert effects_of()[1:] == [(key, "refund", "18.00")]
    PaymentEffect.objects.update(state="done")
    on_payment_refunded({"key": key, "sequence": 1, "amount": "18.00"})
    assert moved() == [
        (Book.UNAPPLIED, Book.DEPOSIT, "60.00"), (Book.DEPOSIT, Book.UNAPPLIED, "60.00")
    ]  # fmt: skip
    assert (held_deposit(party), open_on(party)) == (Money.zero(), ["0.00", "0.00"])
    assert [str(each.state) for each in deposits_of(party)] == ["settled"]
    assert ledger_differences() == ()


def test_what_is_taken_after_it_was_settled_pays_what_is_open_and_goes_back(party: int) -> None:
    """A capture that the provider refused is tried again when the contract is long over."""
    key = asked(wished(party))
    authorised(key)
    PaymentEffect.objects.update(state="refused")
    PaymentAttempt.objects.update(state="declined")
    ended(party)
    assert [str(each.state) for each in deposits_of(party)] == ["settled"]
    settled(key)
    assert (moved(), held_deposit(party)) == ([], Money.zero())
    assert effects_of()[1:] == [(key, "refund", "18.00")]
    on_payment_settled({"key": key})
    assert Message.objects.filter(code="deposit_received").count() == 0
    PaymentEffect.objects.update(state="done")
    on_payment_refunded({"key": key, "sequence": 1, "amount": "18.00"})
    assert open_on(party) == ["0.00", "0.00"]
    assert ledger_differences() == ()
    assert [each for each in billing_differences(LATER) if each.kind == "deposit"] == []


def test_while_a_bill_is_just_being_paid_it_waits_a_day(party: int) -> None:
    held(party)
    PaymentAttempt.objects.create(
        key="c", party_id=party, reference="FA-2026-0000001", amount="42.00", off_session=True,
        state="processing", expires_at=at(LATER),
    )  # fmt: skip
    ended(party)
    assert held_deposit(party) == Money.of("60.00")
    (timer,) = Timer.objects.filter(handler=deposits.TIMER)
    assert timer.due_at == at(END + timedelta(days=1), hour=9)


def test_the_end_of_a_contract_arms_it_a_week_after_the_last_bill(party: int) -> None:
    deposits.arm(account(party), last_bill_on=END)
    assert Timer.objects.filter(handler=deposits.TIMER).count() == 0
    held(party)
    deposits.arm(account(party), last_bill_on=END)
    (timer,) = Timer.objects.filter(handler=deposits.TIMER)
    assert timer.due_at == at(END + timedelta(days=7), hour=9)


def test_it_pays_for_what_an_operator_gives_up(party: int) -> None:
    held(party)
    dunning.look(account(party).pk)
    Subscription.objects.update(status="ended")
    case = DunningCase.objects.get(closed_on__isnull=True)
    dunning.give_up(case_id=case.pk, by="Olivia", reason="Gone abroad.")
    assert open_on(party) == ["0.00", "18.00"]
    assert not transfers(Wanted(kind=TransferKind.WRITE_OFF), limit=1)
    assert effects_of()[-1][1:] == ("refund", "18.00")
    (entry,) = case.entries.filter(kind="lost")
    assert entry.facts == {"owed": "0.00"}


def test_nothing_is_given_up_while_the_deposit_has_to_wait(party: int) -> None:
    """Else it would go back in full although what was owed is a loss."""
    key = held(party)
    dunning.look(account(party).pk)
    Subscription.objects.update(status="ended")
    case = DunningCase.objects.get(closed_on__isnull=True)
    dispute = Dispute.objects.create(
        dispute_id="dp_1", payment=PaymentAttempt.objects.get(key=key), amount="60.00",
        reason="general", state=DisputeState.OPEN, opened_at=at(LATER),
    )  # fmt: skip
    with pytest.raises(FaisceauError) as refused:
        dunning.give_up(case_id=case.pk, by="Olivia", reason="Gone abroad.")
    assert refused.value.code == "payment_under_way"
    assert (held_deposit(party), open_on(party)) == (Money.of("60.00"), ["42.00", "0.00"])
    dispute.state = DisputeState.WON
    dispute.save()
    dunning.give_up(case_id=case.pk, by="Olivia", reason="Gone abroad.")
    assert open_on(party) == ["0.00", "18.00"]


def test_what_a_bank_takes_back_is_held_no_more_until_it_is_won(party: int) -> None:
    key = held(party)
    dispute = Dispute.objects.create(
        dispute_id="dp_1", payment=PaymentAttempt.objects.get(key=key), amount="60.00",
        reason="general", state=DisputeState.OPEN, opened_at=at(LATER), withdrawn_at=at(LATER),
    )  # fmt: skip
    on_dispute_moved({"dispute_id": "dp_1"})
    ended(party)
    assert (held_deposit(party), open_on(party)) == (Money.zero(), ["42.00", "0.00"])
    assert [str(each.state) for each in deposits_of(party)] == ["asked"]
    dispute.state, dispute.reinstated_at = DisputeState.WON, at(LATER)
    dispute.save()
    on_dispute_moved({"dispute_id": "dp_1"})
    assert (held_deposit(party), open_on(party)) == (Money.of("60.00"), ["42.00", "0.00"])
    assert ledger_differences() == ()


def test_what_is_won_again_after_it_was_settled_pays_what_it_had_paid(party: int) -> None:
    """Else its payer was reminded of a bill whose money we have."""
    key = held(party)
    ended(party)
    PaymentEffect.objects.update(state="done")
    on_payment_refunded({"key": key, "sequence": 1, "amount": "18.00"})
    dispute = Dispute.objects.create(
        dispute_id="dp_1", payment=PaymentAttempt.objects.get(key=key), amount="42.00",
        reason="general", state=DisputeState.OPEN, opened_at=at(END), withdrawn_at=at(END),
    )  # fmt: skip
    on_dispute_moved({"dispute_id": "dp_1"})
    assert open_on(party) == ["42.00", "0.00"]
    dispute.state, dispute.reinstated_at = DisputeState.WON, at(END)
    dispute.save()
    for _ in range(2):
        on_dispute_moved({"dispute_id": "dp_1"})
    assert (held_deposit(party), open_on(party)) == (Money.zero(), ["0.00", "0.00"])
    assert ledger_differences() == ()


def test_a_deposit_of_which_something_else_is_held_than_came_is_found(party: int) -> None:
    held(party)
    found = [each for each in billing_differences(LATER) if each.kind == "deposit"]
    assert found == []
    name = Deposit.objects.get().reference
    Transfer.objects.create(
        at=at(LATER), kind="deposit", debit="deposit", credit="unapplied", amount=Decimal("10.00"),
        currency="EUR", account=account(party), reference=name, key="planted",
    )  # fmt: skip
    (wrong,) = (each for each in billing_differences(LATER) if each.kind == "deposit")
    assert (wrong.identity, wrong.expected, wrong.found) == (name, "60.00", "50.00")
    Deposit.objects.update(settled_at=at(LATER))
    (wrong,) = (each for each in billing_differences(LATER) if each.kind == "deposit")
    assert (wrong.expected, wrong.found) == ("0.00", "50.00")
