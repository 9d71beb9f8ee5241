"""Giving a purchase back: by its merchant over the API, or by an agent with a reason.

What no bill has yet disappears from the next one if all of it goes back; else it is a line of the
next bill, or a credit note at once where no bill is to come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.events.webhooks.addresses import checked_url
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.carrier.models import CarrierPayment, CarrierRefund
from subscriptions.carrier.services import telling
from subscriptions.carrier.services.months import counts_at
from subscriptions.domain.carrier import PaymentState, Price, RefundKind, refunded
from subscriptions.invoicing.services import drafting, issuing
from subscriptions.models import BillingAccount


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """`amount` None: all that remains. It is in the payment's own terms, as `tax_included` says;
    `items` are amounts by the ids of the payment's details. The `credential` is sealed."""

    kind: RefundKind
    reference: str
    reason: str
    amount: Decimal | None = None
    currency: str | None = None
    tax_included: bool | None = None
    items: Mapping[str, Decimal] = field(default_factory=dict)
    correlator: str = ""
    digest: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    sink: str = ""
    credential: str = ""
    credential_until: datetime | None = None


def refund_by_merchant(
    *, party_id: int, payment_id: UUID, asked: RefundAsked, by: str
) -> CarrierRefund:
    """A refund of a payment of his own; the same correlator with the same request answers what came
    of it before.

    Raises:
        NotFound: `unknown_payment`. Conflict: `reference_taken`. InvalidInput: `correlator_taken`,
        `bad_address`, `unknown_currency`. RuleViolated: `not_paid`, `more_than_remains`,
        `tax_management_differs`, `details_differ`. Forbidden: `not_refundable`: his contract lets
        him give nothing back (any more); `contract_ended`: no transfer to him is to come from which
        it could be taken, so that our agents decide.
    """
    ours = CarrierPayment.objects.filter(pk=payment_id, merchant__party_id=party_id)
    return _refund(ours, asked=asked, by=by, check=_check_contract)


def refund_by_agent(
    *,
    context: AccountContext,
    payment_id: UUID,
    amount: Decimal | None,
    reason: str,
    once: str = "",
) -> CarrierRefund:
    """A refund to the customer that the agent speaks with, tax included, of the part `amount` or of
    all that remains; the merchant is told if he wants to hear of it. A form that is sent twice, by
    its `once`, gives back once.

    Raises:
        NotFound: `unknown_payment`. InvalidInput: `refund_reason_missing`. Forbidden:
        `caller_not_verified`. RuleViolated as `refund_by_merchant`.
    """
    if not reason.strip():
        raise InvalidInput("Say why.", code="refund_reason_missing", field="reason")
    ours = CarrierPayment.objects.filter(
        pk=payment_id, subscription__party_id=context.party_id or 0
    )
    payment = ours.first()
    if payment is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    require_verified(context)
    asked = RefundAsked(
        kind=RefundKind.TOTAL if amount is None else RefundKind.PARTIAL,
        reference=f"care-{once or uuid4().hex[:12]}",
        reason=reason.strip()[:300],
        amount=None if amount is None else _in_his_terms(payment, amount),
        correlator=once,
        digest=str(amount),
        sink=payment.sink,
        credential=payment.credential,
        credential_until=payment.credential_until,
    )
    known = set(payment.refunds.values_list("pk", flat=True))
    with transaction.atomic():
        made = _refund(ours, asked=asked, by=context.actor.name)
        if made.pk in known:
            return made
        record(
            party_id=payment.subscription.party_id,
            kind=EntryKind.BILL,
            code="purchase_refunded",
            context=context,
            values={"service": payment.service, "amount": str(made.gross), "note": made.reason},
        )
    return made


def remaining_of(payment: CarrierPayment) -> Decimal:
    """What can still be given back, in the merchant's terms."""
    given: Decimal | None = payment.refunds.aggregate(sum=Sum("amount"))["sum"]
    return payment.amount - (given or Decimal(0))


def _check_contract(payment: CarrierPayment) -> None:
    days, paid_at = payment.merchant.refund_days, payment.paid_at
    if not payment.merchant.active:
        raise Forbidden("The contract has ended: ask us.", code="contract_ended")
    if days is not None and paid_at is not None and business_now() >= paid_at + timedelta(days):
        raise Forbidden("The contract does not let it go back.", code="not_refundable")


def _refund(
    ours: "QuerySet[CarrierPayment]",
    *,
    asked: RefundAsked,
    by: str,
    check: Callable[[CarrierPayment], None] = lambda payment: None,
) -> CarrierRefund:
    known = ours.first()
    if known is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    sink = checked_url(asked.sink) if asked.sink else ""
    try:
        with transaction.atomic():
            # The bill run holds accounts while it drafts: what it has read does not change then.
            account = BillingAccount.objects.select_for_update(no_key=True).get(pk=known.account_id)
            payment = CarrierPayment.objects.select_for_update(of=("self",)).get(pk=known.pk)
            repeated = _repeated(payment, asked)
            if repeated is None:
                check(payment)
            return repeated or _give_back(account, payment, asked=asked, by=by, sink=sink)
    except IntegrityError as error:
        raise Conflict("This reference was used before.", code="reference_taken") from error


def _give_back(
    account: BillingAccount, payment: CarrierPayment, *, asked: RefundAsked, by: str, sink: str
) -> CarrierRefund:
    remaining = remaining_of(payment)
    amount = _checked(payment, asked, remaining=remaining)
    price = refunded(
        Price(Money(payment.net), Money(payment.gross)),
        amount=payment.amount,
        part=amount,
        remaining=remaining,
        given_back=_given_back(payment),
    )
    refund = CarrierRefund.objects.create(
        payment=payment,
        account=account,
        kind=asked.kind,
        amount=amount,
        net=price.net.amount,
        gross=price.gross.amount,
        reason=asked.reason,
        by=by,
        reference=asked.reference,
        correlator=asked.correlator,
        digest=asked.digest,
        told=dict(asked.told),
        made_at=counts_at(payment.merchant_id, business_now()),
        sink=sink,
        credential=asked.credential,
        credential_until=asked.credential_until,
    )
    if amount == remaining and payment.billed_in_id is None:
        _never_billed(payment)
        refund.refresh_from_db()
    at = refund.made_at.isoformat()
    telling.tell_refund(refund, "completed", "The refund is accepted.", refundDate=at)
    if refund.to_bill:
        telling.tell_refund(refund, "in-bill", "It is on the customer's next bill.")
        if account.next_bill_on is None:
            _credit_at_once(account)
    return refund


def _checked(payment: CarrierPayment, asked: RefundAsked, *, remaining: Decimal) -> Decimal:
    """How much is to go back."""
    if payment.state != PaymentState.SUCCEEDED:
        raise RuleViolated("This payment is not completed.", code="not_paid")
    if asked.currency not in (None, payment.currency):
        raise InvalidInput("The payment was in another.", code="unknown_currency")
    if asked.tax_included not in (None, payment.tax_included):
        raise RuleViolated("The payment was in other terms.", code="tax_management_differs")
    amount = remaining if asked.amount is None else asked.amount
    final = payment.refunds.filter(kind=RefundKind.TOTAL).exists()
    if final or not 0 < amount <= remaining:
        raise RuleViolated("That is more than remains.", code="more_than_remains")
    if asked.items:
        details = payment.told["paymentAmount"].get("paymentDetails") or ()
        known = {each["id"]: Decimal(str(each["amount"])) for each in details}
        more = any(part > known.get(item, Decimal(0)) for item, part in asked.items.items())
        if more or sum(asked.items.values()) != amount:
            raise RuleViolated("The details are not the payment's.", code="details_differ")
    return amount


def _repeated(payment: CarrierPayment, asked: RefundAsked) -> CarrierRefund | None:
    if not asked.correlator:
        return None
    known = payment.refunds.filter(correlator=asked.correlator).first()
    if known is not None and known.digest != asked.digest:
        raise InvalidInput("This correlator was used before.", code="correlator_taken")
    return known


def _given_back(payment: CarrierPayment) -> Price:
    sums = payment.refunds.aggregate(net=Sum("net"), gross=Sum("gross"))
    return Price(Money(sums["net"] or Decimal(0)), Money(sums["gross"] or Decimal(0)))


def _never_billed(payment: CarrierPayment) -> None:
    """All of it went back before any bill: neither it nor its refunds stand on one."""
    payment.to_bill = False
    payment.save(update_fields=["to_bill"])
    payment.refunds.update(to_bill=False)


def _credit_at_once(account: BillingAccount) -> None:
    """No bill of the account is to come: what is given back is a credit note of today."""
    today = business_today()
    draft = drafting.cycle_draft(
        account,
        (),
        period=Period(today, today),
        key=f"third:{account.pk}:{uuid4().hex[:12]}",
        back=[line for _, line in drafting.open_purchases([account.pk])[account.pk]],
    )
    assert draft is not None
    issuing.issue(drafting.write([replace(draft, period=None)], on=today), on=today)


def _in_his_terms(payment: CarrierPayment, gross: Decimal) -> Decimal:
    """A part of what the customer pays as a part of the merchant's amount, to a thousandth."""
    if payment.tax_included:
        return gross
    return (payment.amount * gross / payment.gross).quantize(Decimal("0.001"))
