"""Bills are paid by a link: one, or all that is overdue; without an account, in time, once."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import Contact, Party, TimelineEntry, User
from commerce.events.models import Timer
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.kernel.money import Money
from commerce.notifications.models import Message, MessageChannel
from commerce.payments.models import Dispute, PaymentAttempt, PaymentEffect
from commerce.payments.ports import DisputeState
from orchestration.subscribers import on_payment_refunded, on_payment_settled
from subscriptions.collection.links import links_of
from subscriptions.collection.selectors import left_in_peace, objected_to
from subscriptions.collection.services import collecting, links
from subscriptions.ledger.selectors import balance_of
from subscriptions.models import BillingAccount, Invoice, PayLink
from subscriptions.reconciling.audit import ledger_differences
from subscriptions.subscribers import on_dispute_moved, on_payment_authorised
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan, run

pytestmark = pytest.mark.django_db
BACK = "https://shop.example.test/pay/x/?back=1"
FIRST, SECOND = "FA-2026-0000001", "FA-2026-0000002"
LATER = DAY + timedelta(days=40)


@pytest.fixture(autouse=True)
def _later() -> Iterator[None]:
    with business_time_fixed(at(LATER)):
        yield


@pytest.fixture
def party() -> int:
    """Two bills of 29.99 EUR are overdue; nobody has a card."""
    found = person()
    Party.objects.filter(pk=found).update(
        phone="+33639980001", email="camille@example.test", language="fr"
    )
    with business_time_fixed(at(DAY)):
        begun("C-1", [plan("29.99")], party=found)
    with business_time_fixed(at(DAY + timedelta(days=31))):
        run(DAY + timedelta(days=31))
    return found


def agent(party: int, *, verified: bool = True) -> AccountContext:
    user, _ = User.objects.get_or_create(email="agent@faisceau.example")
    contact = Contact.objects.create(
        agent=user, party_id=party, channel="call_centre", reason="bill", verified=verified,
        started_at=business_now(),
    )  # fmt: skip
    return AccountContext(
        actor=Actor(ActorKind.AGENT, user.pk, "Alice"), party_id=party, role=Role.AGENT,
        channel=Channel.CALL_CENTRE, contact_id=contact.pk,
    )  # fmt: skip


def sent(party: int, *, number: str = "", by: MessageChannel = MessageChannel.SMS) -> str:
    """The secret of a link that was sent just now."""
    links.send_link(agent(party), channel=by, number=number)
    text = Message.objects.filter(code="bill_link").latest("pk").text
    return text.partition("/pay/")[2].partition("/")[0]


def asked(token: str) -> str:
    return links.pay(token=token, label="Facture %(number)s", deposit_label="Dépôt", back=BACK)


def authorised(key: str) -> None:
    PaymentAttempt.objects.filter(key=key).update(state="authorised")
    on_payment_authorised({"key": key})


def settled(key: str) -> None:
    PaymentEffect.objects.filter(payment__key=key).update(state="done")
    PaymentAttempt.objects.filter(key=key).update(state="settled")
    for _ in range(2):
        on_payment_settled({"key": key})


def effects_of() -> list[tuple[str, str, str]]:
    rows = PaymentEffect.objects.select_related("payment").order_by("pk")
    return [(row.payment.key, row.kind, str(row.amount)) for row in rows]


def open_on(party: int) -> list[str]:
    account = BillingAccount.objects.get(party_id=party)
    balance = balance_of(account.pk)
    return [str(balance.owed.amount), str(balance.unapplied.amount)]


def test_all_that_is_overdue_is_paid_by_one_payment_once(party: int) -> None:
    token = sent(party)
    message = Message.objects.get(code="bill_link")
    assert message.channel == "sms"
    assert "59,98 € à régler (facture FA-2026-0000001, FA-2026-0000002)" in message.text
    assert PayLink.objects.get().digest not in message.text
    key = asked(token)
    assert (key, asked(token)) == (f"{PayLink.objects.get().reference}/pay/1",) * 2
    attempt = PaymentAttempt.objects.get()
    assert [(line["label"], line["cents"]) for line in attempt.lines] == [
        (f"Facture {FIRST}", 2999), (f"Facture {SECOND}", 2999)
    ]  # fmt: skip
    authorised(key)
    authorised(key)
    assert effects_of() == [(key, "capture", "59.98")]
    settled(key)
    assert open_on(party) == ["0.00", "0.00"]
    assert ledger_differences() == ()
    with pytest.raises(FaisceauError) as refused:
        asked(token)
    assert refused.value.code == "nothing_to_pay"


def test_two_links_for_one_bill_are_paid_once_and_the_other_lets_the_money_go(party: int) -> None:
    both, one = sent(party), sent(party, number=FIRST, by=MessageChannel.EMAIL)
    first, second = asked(both), asked(one)
    by_hand = collecting.pay_by_hand(party_id=party, number=FIRST, label="F", back=BACK)
    authorised(second)
    authorised(first)
    authorised(by_hand)
    assert effects_of() == [
        (second, "capture", "29.99"), (first, "cancel", "59.98"), (by_hand, "cancel", "29.99")
    ]  # fmt: skip
    with pytest.raises(FaisceauError) as refused:
        asked(both)
    assert refused.value.code == "payment_under_way"
    settled(second)
    PaymentAttempt.objects.filter(key__in=[first, by_hand]).update(state="cancelled")
    again = asked(both)
    assert (again, str(PaymentAttempt.objects.get(key=again).amount)) == (
        first.replace("pay/1", "pay/2"), "29.99"
    )  # fmt: skip


def test_what_was_paid_meanwhile_goes_back_once(party: int) -> None:
    key = asked(sent(party))
    authorised(key)
    PaymentAttempt.objects.create(
        key="hand", party_id=party, reference=SECOND, amount="29.99", state="settled",
        expires_at=business_now(),
    )  # fmt: skip
    on_payment_settled({"key": "hand"})
    settled(key)
    refunds = [each for each in effects_of() if each[1] == "refund"]
    assert refunds == [(key, "refund", "29.99")]
    on_payment_refunded({"key": key, "sequence": 1, "amount": "29.99"})
    assert open_on(party) == ["0.00", "0.00"]


def test_what_a_bank_takes_back_opens_every_bill_of_the_link_again(party: int) -> None:
    key = asked(sent(party))
    authorised(key)
    settled(key)
    dispute = Dispute.objects.create(
        dispute_id="dp_1", payment=PaymentAttempt.objects.get(), amount="59.98", reason="general",
        state=DisputeState.OPEN, opened_at=business_now(), withdrawn_at=business_now(),
    )  # fmt: skip
    on_dispute_moved({"dispute_id": "dp_1"})
    assert open_on(party) == ["59.98", "0.00"]
    assert left_in_peace([FIRST, SECOND, "F-9"]) == {FIRST, SECOND}
    dispute.state = DisputeState.LOST
    dispute.save()
    bills = {bill.pk for bill in Invoice.objects.all()}
    assert left_in_peace([FIRST]) == set()
    assert objected_to(bills) == bills
    assert ledger_differences() == ()


def test_an_agent_sees_whether_a_link_was_opened_paid_or_is_over(party: int) -> None:
    token = sent(party, number=FIRST)

    def seen() -> list[tuple[str, str]]:
        return [(str(each.state), each.sent_by) for each in links_of(party)]

    assert seen() == [("sent", "Alice")]
    links.opened(token=token)
    opened_at = PayLink.objects.get().opened_at
    with business_time_fixed(at(LATER + timedelta(days=1))):
        assert links.opened(token=token).open == Money.of("29.99")
    assert PayLink.objects.get().opened_at == opened_at
    assert seen() == [("opened", "Alice")]
    with business_time_fixed(at(LATER + timedelta(days=8))):
        assert seen() == [("expired", "Alice")]
        for use in (lambda: links.opened(token=token), lambda: asked(token)):
            with pytest.raises(NotFound) as refused:
                use()
            assert refused.value.code == "unknown_link"
    key = asked(token)
    authorised(key)
    settled(key)
    assert seen() == [("paid", "Alice")]
    with business_time_fixed(at(LATER + timedelta(days=8))):
        assert links.opened(token=token).open == Money.of("0.00")
    line = TimelineEntry.objects.get(code="pay_link_sent")
    assert (line.actor_name, line.values) == (
        "Alice", {"bills": FIRST, "amount": "29.99", "channel": "sms"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "wish", "code"),
    [
        ({}, {"number": "FA-2026-0000009"}, "unknown_bill"),
        ({"phone": ""}, {}, "no_address"),
        ({}, {"verified": False}, "caller_not_verified"),
    ],
)
def test_no_link_is_sent(
    party: int, changes: dict[str, str], wish: dict[str, str], code: str
) -> None:
    Party.objects.filter(pk=party).update(**{"phone": "+33639980001"} | changes)
    caller = agent(party, verified=bool(wish.get("verified", True)))
    with pytest.raises(FaisceauError) as refused:
        links.send_link(caller, channel=MessageChannel.SMS, number=wish.get("number", ""))
    assert refused.value.code == code
    assert (PayLink.objects.count(), Message.objects.filter(code="bill_link").count()) == (0, 0)


def test_nobody_s_link_is_refused_and_so_is_one_for_what_is_paid(party: int) -> None:
    with pytest.raises(NotFound):
        links.opened(token="")
    other = person()
    with pytest.raises(NotFound) as refused:
        links.send_link(agent(other), channel=MessageChannel.EMAIL, number=FIRST)
    assert refused.value.code == "unknown_bill"
    with pytest.raises(NotFound) as refused:
        links.send_link(agent(other), channel=MessageChannel.EMAIL)
    assert refused.value.code == "nothing_overdue"


def test_bills_that_no_timer_speaks_of_are_looked_at(party: int) -> None:
    Timer.objects.all().delete()
    migration = import_module("subscriptions.migrations.0019_pay_links")
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(migration.LOOK_AT_WHAT_IS_OVERDUE)
    account = BillingAccount.objects.get(party_id=party)
    (timer,) = Timer.objects.all()
    assert (timer.key, timer.handler, timer.payload) == (
        f"dunning-look:{account.pk}", "dunning-look", {"account": account.pk}
    )  # fmt: skip
