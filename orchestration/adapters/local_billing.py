"""Billing by our own subscriptions: the default adapter of the billing port."""

from collections.abc import Mapping

from catalogue.domain.model import Snapshot
from catalogue.selectors import snapshot_of
from commerce.kernel.money import Money
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.selectors import order_charges, order_for_fulfilment
from commerce.ordering.services.writing import GIVEN_UP_GROUP
from orchestration.adapters.changing import (
    OF_A_LINE,
    begun,
    config_of,
    ended,
    facts_of,
    new_facts,
)
from orchestration.ports import (
    Answer,
    BillingChange,
    BillingNumber,
    BillingStart,
    Found,
    MoneyKind,
    MoneyMoved,
    OrderBill,
    OrderCredit,
    Standing,
    WearBill,
)
from promotions.selectors import promotions_of
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.contracts.services.hand_over import GoesOn, HandOver, hand_over
from subscriptions.contracts.services.number import take_number
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.invoicing.services.credit import bill_wear, credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.services import ledger


class LocalBilling:
    """Asked again, it answers the same bill and the same subscription."""

    def bill_order(self, request: OrderBill, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        snapshot = snapshot_of(agreed.release)
        groups: dict[str, list[AgreedCharge]] = {}
        for item in agreed.items:
            groups.setdefault(item.group, []).extend(item.charges)
        bill = bill_order(
            order_number=agreed.number,
            party_id=agreed.party_id,
            segment=agreed.segment,
            charges=groups,
            tax_rates=snapshot.tax_rates,
            names={item.line_id: item.names for item in agreed.items},
            benefit_names=_benefit_names(snapshot),
            purchase_order=agreed.purchase_order,
            cost_centres=agreed.cost_centres,
        )
        return Answer({"bill": bill or ""})

    def credit_order(self, request: OrderCredit, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        note = credit_order(
            order_number=agreed.number,
            group=request.group,
            party_id=agreed.party_id,
            segment=agreed.segment,
            items=request.lines,
        )
        return Answer({"credit_note": note or ""})

    def bill_wear(self, request: WearBill, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        bill = bill_wear(
            order_number=agreed.number,
            group=request.group,
            party_id=agreed.party_id,
            segment=agreed.segment,
            owed={line: Money(amount) for line, amount in request.owed.items()},
        )
        return Answer({"bill": bill or ""})

    def note_money(self, request: MoneyMoved, *, key: str) -> Answer:
        """Into the ledger, and onto the bill that it is for."""
        if request.kind is MoneyKind.TAKEN:
            ledger.enter_payment(
                key=request.reference,
                party_id=request.party_id,
                reference=request.order_number,
                amount=request.amount,
            )
        else:
            payment, _, sequence = request.reference.rpartition("/refund/")
            ledger.enter_refund(
                key=payment,
                sequence=int(sequence),
                party_id=request.party_id,
                reference=request.order_number,
                amount=request.amount,
            )
        return Answer({})

    def start(self, request: BillingStart, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        snapshot = snapshot_of(order.release)
        plan = next((item for item in order.items if item.role == "plan"), order.items[0])
        facts = facts_of(order.items)
        subscription = activate(
            order_number=request.order_number,
            group=request.group,
            party_id=request.party_id,
            segment=order.segment,
            items=[_activated(item, snapshot=snapshot) for item in order.items],
            tax_rates=snapshot.tax_rates,
            term_months=plan.term,
            activated_on=request.starts_on,
            release=order.release,
            channel=order.channel,
            **{name: facts.get(name, "") for name in OF_A_LINE},
            user_name=plan.config.get("user_name", ""),
            codes=BuyerCodes(plan.config.get("cost_centre", ""), order.purchase_order),
            benefit_names=_benefit_names(snapshot),
        )
        return Answer({"subscription_id": str(subscription)})

    def change(self, request: BillingChange, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        assert order.change is not None
        assert order.subject is not None
        snapshot = snapshot_of(order.release)
        kind, config = order.change, config_of(order.items)
        if kind is ChangeKind.HOLDER:
            return Answer({"change_id": str(_handed_over(order, request, snapshot=snapshot))})
        plan = next((item for item in order.items if item.role == "plan"), None)
        row = apply_change(
            ContractChange(
                order_number=order.number,
                group=request.group,
                subscription_id=order.subject,
                kind=kind,
                on=request.on,
                channel=order.channel,
                begins=[_activated(item, snapshot=snapshot) for item in begun(order)],
                ends=ended(order),
                tax_rates=snapshot.tax_rates,
                benefit_names=_benefit_names(snapshot),
                term_months=plan.term or None if plan and kind is ChangeKind.RENEW else None,
                facts=new_facts(order),
                blocks=_block(config) if kind is ChangeKind.SUSPEND else None,
                outgoing_only=config.get("grade", "") == "outgoing",
                lifts=BlockKind(config["lifts"]) if config.get("lifts") else None,
            )
        )
        return Answer({"change_id": str(row)})

    def renumber(self, request: BillingNumber, *, key: str) -> Answer:
        contract = take_number(
            order_number=request.order_number, group=request.group, msisdn=request.msisdn
        )
        return Answer({"subscription_id": str(contract or "")})

    def find(self, key: str) -> Found:
        """It never answers late: what is asked again is done once all the same."""
        return Found(Standing.NEVER_ARRIVED, {})


def _activated(item: FulfilmentItem, *, snapshot: Snapshot) -> ActivatedItem:
    return ActivatedItem(
        item.line_id,
        item.offering,
        item.charges,
        item.facts,
        snapshot.offering(item.offering).name.by_language,
    )


def _handed_over(order: FulfilmentOrder, request: BillingChange, *, snapshot: Snapshot) -> int:
    assert order.subject is not None
    return hand_over(
        HandOver(
            order_number=order.number,
            group=request.group,
            given_up=GIVEN_UP_GROUP,
            subscription_id=order.subject,
            party_id=order.party_id,
            segment=order.segment,
            on=request.on,
            items=[
                GoesOn(item.subject, item.line_id, item.charges, item.facts)
                for item in begun(order)
                if item.subject is not None
            ],
            tax_rates=snapshot.tax_rates,
            channel=order.channel,
            codes=BuyerCodes(purchase_order=order.purchase_order),
        )
    )


def _block(config: Mapping[str, str]) -> BlockKind:
    return BlockKind(config["block"])


def _benefit_names(snapshot: Snapshot) -> dict[str, Mapping[str, str]]:
    return {
        code: promotion.name.by_language
        for code, promotion in promotions_of(snapshot).promotions.items()
    }
