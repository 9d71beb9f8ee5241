"""Who hears of what: every subscription, timer and busy check of the system on one page."""

from collections.abc import Mapping

from django.conf import settings

from catalogue.events import ComingDayMoved, ReleaseInForce, ReleasePublished
from catalogue.importer.others import register_catalogue_check
from catalogue.services import numbers, publishing
from commerce.accounts.context import context_for_client, context_for_request
from commerce.accounts.events import CustomerRegistered, PasswordForgotten, VisitorIdentified
from commerce.accounts.services import proofs
from commerce.celery import app as celery_app
from commerce.celery import reach_broker
from commerce.events import retention
from commerce.events.business_clock import virtual_now
from commerce.events.outbox import Event
from commerce.events.queues import WorkQueue
from commerce.events.registry import (
    register_beginning,
    register_busy_check,
    register_purge,
    register_timer,
    subscribe,
    tell_outside,
)
from commerce.events.webhooks import endpoints, sending, telling
from commerce.events.webhooks.events import WebhookEndpointFailed
from commerce.kernel.clock import use_business_clock
from commerce.notifications import services as notifications
from commerce.notifications import subscribers as messages
from commerce.ordering import subscribers as ordering
from commerce.ordering.domain import next_offers as offers
from commerce.ordering.events import (
    ApprovalAsked,
    NextOfferAccepted,
    OrderAccepted,
    OrderBegun,
    OrderBundleCancelled,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderItemActivated,
    OrderPlaced,
    ParcelDayMoved,
)
from commerce.ordering.services import (
    coming_days,
    continuing,
    line_discounts,
    new_terms,
    passing_on,
    unpaid,
)
from commerce.ordering.services.holds import CHECKOUT_TIMER, HOLD_TIMER
from commerce.payments import selectors as payments
from commerce.payments.events import (
    DisputeMoved,
    MethodChosen,
    MethodUnusable,
    PaymentAuthorised,
    PaymentCancelled,
    PaymentDeclined,
    PaymentEffectRefused,
    PaymentRefunded,
    PaymentSettled,
)
from commerce.payments.services import charge, checkout, effects, methods, setups, webhooks
from commerce.web import idempotency
from commerce.web.health import register_check
from commerce.web.identity import Resolvers, use_resolvers
from orchestration import subscribers as orchestration
from orchestration.events import (
    OrderInJeopardy,
    OrderOutOfJeopardy,
    PlanCancelled,
    PlanCompleted,
    PortingMoved,
    TaskFellOut,
    TaskStateChanged,
)
from orchestration.porting import calls as porting_calls
from orchestration.porting import clocks as porting_clocks
from orchestration.porting import leaving, rio
from orchestration.services import jeopardy, making_way, reconciling, refunds, settlement
from orchestration.services.decide import TIMER_DUE
from orchestration.services.desk import ASK, OVERDUE
from orchestration.services.erasure import blank_old_requests
from orchestration.services.guarding import Guarded
from orchestration.services.keeping import KEPT_DUE
from orchestration.services.plans import ADVANCE, PLAN_MORE, REFUND
from promotions.domain import findings as promotions
from promotions.domain import next_offers
from subscriptions import subscribers as bills
from subscriptions.accounts.services import calendar
from subscriptions.carrier.services import confirming as carrier_confirming
from subscriptions.carrier.services import finishing as carrier_finishing
from subscriptions.carrier.services import settling as carrier_settling
from subscriptions.carrier.services import stopping as carrier_stopping
from subscriptions.carrier.services import telling as carrier_telling
from subscriptions.collection.services import collecting, deposits, instalments
from subscriptions.contracts.services import asking, terms
from subscriptions.dunning.services import dunning, dunning_clock
from subscriptions.einvoicing.services import einvoicing, sales_reports
from subscriptions.events import (
    AccountParked,
    AllowanceReached,
    BillRunHeld,
    CycleDayMoved,
    DebitMoved,
    DunningCaseClosed,
    DunningCaseOpened,
    DunningMoved,
    DunningStepTaken,
    ElectronicInvoiceMoved,
    InvoiceIssued,
    LateInterestMoved,
    PayerMoved,
    PaymentPromiseMoved,
    SubscriptionActivated,
    SubscriptionChanged,
)
from subscriptions.invoicing.services import bill_run

TOLD_TO_PARTIES: Mapping[type[Event], str] = {
    OrderPlaced: "order.placed",
    ApprovalAsked: "order.approval_asked",
    OrderConfirmed: "order.confirmed",
    OrderAccepted: "order.accepted",
    OrderBegun: "order.in_progress",
    ParcelDayMoved: "order.parcel_day_moved",
    OrderItemActivated: "order.line_activated",
    OrderBundleCancelled: "order.bundle_cancelled",
    OrderInJeopardy: "order.in_jeopardy",
    OrderOutOfJeopardy: "order.out_of_jeopardy",
    OrderCompleted: "order.completed",
    OrderCancelled: "order.cancelled",
    PortingMoved: "porting.moved",
    SubscriptionActivated: "contract.activated",
    SubscriptionChanged: "contract.changed",
    InvoiceIssued: "bill.issued",
    CycleDayMoved: "bill.day_moved",
    PayerMoved: "bill.payer_moved",
    ElectronicInvoiceMoved: "bill.electronic_status",
    DunningCaseOpened: "dunning.case_opened",
    DunningStepTaken: "dunning.step_taken",
    DunningMoved: "dunning.lines_treated",
    DunningCaseClosed: "dunning.case_closed",
    PaymentPromiseMoved: "dunning.promise_moved",
    LateInterestMoved: "late_interest.moved",
    DebitMoved: "debit.moved",
    AllowanceReached: "allowance.reached",
    NextOfferAccepted: "offer.accepted",
    WebhookEndpointFailed: "webhook.endpoint_failed",
}
"""What a firm's webhooks tell of its own, by their names outside."""
TOLD_ON_REQUEST: Mapping[type[Event], str] = {TaskStateChanged: "task.state_changed"}
"""What they tell of it only to endpoints that name it, as there is so much of it."""
TOLD_TO_THE_OPERATOR: Mapping[type[Event], str] = {
    CustomerRegistered: "customer.registered",
    PlanCompleted: "plan.completed",
    PlanCancelled: "plan.cancelled",
    TaskFellOut: "task.fell_out",
    PaymentAuthorised: "payment.authorised",
    PaymentSettled: "payment.settled",
    PaymentDeclined: "payment.declined",
    PaymentCancelled: "payment.cancelled",
    PaymentRefunded: "payment.refunded",
    PaymentEffectRefused: "payment.effect_refused",
    DisputeMoved: "payment.dispute_moved",
    MethodUnusable: "payment.method_unusable",
    AccountParked: "bill.held",
    BillRunHeld: "bill_run.held",
    ReleasePublished: "catalogue.release_published",
    ReleaseInForce: "catalogue.release_in_force",
}
"""What, beside all that, the webhooks of his own systems and partners tell."""


def connect() -> None:
    """Join the parts up; called once per process, when all apps are loaded."""
    celery_app.set_default()
    register_check("broker", reach_broker)
    register_timer(retention.TIMER, retention.on_retention_due, housekeeping=True)
    register_beginning("retention", retention.begin)
    register_purge("idempotency", idempotency.forget_old)
    register_purge("webhooks", webhooks.forget_old)
    register_purge("provider requests", blank_old_requests)
    register_purge("webhook log", endpoints.forget_old)
    register_purge("proofs", proofs.forget_old)
    register_purge("merchants' events", carrier_telling.forget_old)
    register_timer(
        telling.TIMER,
        sending.on_send_due,
        durable=False,
        housekeeping=True,
        queue=WorkQueue.WEBHOOKS,
    )
    for told, to_party in ((TOLD_TO_PARTIES, True), (TOLD_TO_THE_OPERATOR, False)):
        for event, name in told.items():
            tell_outside(event, name=name, to_party=to_party)
    for event, name in TOLD_ON_REQUEST.items():
        tell_outside(event, name=name, to_party=True, on_request=True)
    use_resolvers(Resolvers(session=context_for_request, client=context_for_client))
    if settings.VIRTUAL_CLOCK:
        use_business_clock(virtual_now)

    register_catalogue_check("promotions", promotions.findings)
    register_catalogue_check("next best offers", next_offers.findings)
    register_catalogue_check("journeys of next best offers", offers.findings)
    register_timer(publishing.TIMER, publishing.on_release_due)
    register_timer(numbers.HOLD_TIMER, numbers.on_due)
    register_timer(numbers.QUARANTINE_TIMER, numbers.on_due)

    carrying = Guarded("messages", notifications.carry_out)
    register_timer(notifications.TIMER, carrying, durable=False, queue=WorkQueue.MESSAGES)
    posting = Guarded("letters", notifications.carry_out)
    register_timer(notifications.POST_TIMER, posting, durable=False, queue=WorkQueue.MESSAGES)
    subscribe(PasswordForgotten, messages.on_password_forgotten, name="notifications.password")
    subscribe(
        WebhookEndpointFailed, messages.on_webhook_endpoint_failed, name="notifications.webhook"
    )

    subscribe(MethodUnusable, messages.on_method_unusable, name="notifications.method")
    subscribe(MethodChosen, bills.on_method_chosen, name="billing.method")

    paying, billing = WorkQueue.PAYMENTS, WorkQueue.BILLING
    opening = Guarded("payments", checkout.open_again)
    register_timer(checkout.OPEN_TIMER, opening, durable=False, queue=paying)
    register_timer(
        checkout.LOOK_TIMER, checkout.look_after, durable=False, housekeeping=True, queue=paying
    )
    moving = Guarded("payments", effects.carry_out)
    register_timer(effects.TIMER, moving, durable=False, queue=paying)
    charging = Guarded("payments", charge.carry_out)
    register_timer(charge.TIMER, charging, durable=False, queue=paying)
    adding = Guarded("payments", setups.look_after)
    register_timer(setups.TIMER, adding, durable=False, housekeeping=True, queue=paying)
    forgetting = Guarded("payments", methods.forget)
    register_timer(methods.TIMER, forgetting, durable=False, queue=paying)
    hearing = Guarded("payments", webhooks.handle_webhook)
    register_timer(webhooks.TIMER, hearing, durable=False, queue=paying)
    register_busy_check("payments", payments.effects_under_way)

    register_timer(calendar.TIMER, bill_run.on_timer, durable=False, queue=billing)
    register_timer(bill_run.CHUNK_TIMER, bill_run.on_chunk, durable=False, queue=billing)
    register_timer(collecting.TIMER, collecting.on_due, durable=False, queue=billing)
    register_timer(instalments.TIMER, instalments.on_due, durable=False, queue=billing)
    notice = instalments.on_notice_due
    register_timer(instalments.NOTICE_TIMER, notice, durable=False, queue=billing)
    register_timer(deposits.TIMER, deposits.on_due, durable=False, queue=billing)
    register_timer(dunning_clock.BILLS, dunning.on_bills_due, durable=False, queue=billing)
    register_timer(dunning_clock.LOOK, dunning.on_look_due, durable=False, queue=billing)
    handing_over = Guarded(einvoicing.PORT, einvoicing.on_send)
    register_timer(einvoicing.TIMER, handing_over, durable=False, queue=WorkQueue.CALLS)
    asking_the_platform = Guarded(einvoicing.PORT, einvoicing.on_ask)
    register_timer(
        einvoicing.ASK,
        asking_the_platform,
        durable=False,
        housekeeping=True,
        queue=WorkQueue.CALLS,
    )
    register_timer(sales_reports.TIMER, sales_reports.on_due, queue=billing)
    register_beginning("sales reports", sales_reports.begin)
    subscribe(PaymentAuthorised, bills.on_payment_authorised, name="bills.authorised")
    subscribe(PaymentSettled, bills.on_payment_settled, name="bills.settled")
    subscribe(PaymentDeclined, bills.on_payment_declined, name="bills.declined")
    subscribe(AllowanceReached, bills.on_allowance_reached, name="bills.allowance")
    subscribe(SubscriptionChanged, bills.on_contract_changed, name="bills.contract")
    subscribe(DisputeMoved, bills.on_dispute_moved, name="bills.disputed")

    register_timer(asking.ASK, asking.on_ask_due)
    register_timer(terms.TELL, terms.on_tell_due)
    register_timer(carrier_finishing.EXPIRY, carrier_confirming.on_expiry_due)
    register_timer(carrier_stopping.REMINDER, carrier_stopping.on_reminder_due)
    register_timer(carrier_settling.TIMER, carrier_settling.on_due, durable=False)
    register_beginning("merchants' months", carrier_settling.begin)
    register_timer(
        carrier_telling.TIMER,
        carrier_telling.on_tell_due,
        durable=False,
        housekeeping=True,
        queue=WorkQueue.WEBHOOKS,
    )

    subscribe(VisitorIdentified, ordering.on_visitor_identified, name="ordering.visitor")
    subscribe(PaymentAuthorised, ordering.on_payment_authorised, name="ordering.authorised")
    subscribe(PaymentSettled, ordering.on_payment_settled, name="ordering.settled")
    subscribe(PaymentDeclined, ordering.on_payment_declined, name="ordering.declined")
    subscribe(PaymentCancelled, ordering.on_payment_cancelled, name="ordering.pay_cancelled")
    subscribe(
        PaymentEffectRefused, ordering.on_payment_effect_refused, name="ordering.money_refused"
    )
    subscribe(OrderAccepted, ordering.on_order_accepted, name="ordering.accepted")
    subscribe(OrderCancelled, ordering.on_order_cancelled, name="ordering.cancelled")
    subscribe(SubscriptionActivated, ordering.on_subscription_activated, name="ordering.activated")
    subscribe(SubscriptionChanged, ordering.on_contract_changed, name="ordering.holder")
    subscribe(ComingDayMoved, coming_days.on_coming_day_moved, name="ordering.day_moved")
    subscribe(DunningMoved, ordering.on_dunning_moved, name="ordering.dunning")
    register_timer(unpaid.TIMER, ordering.on_unpaid_due)
    register_timer(asking.UNANSWERED, continuing.on_unanswered)
    register_timer(terms.APPLY, new_terms.on_apply_due)
    register_timer(passing_on.TIMER, passing_on.on_expired)
    register_timer(line_discounts.TIMER, line_discounts.on_look_due)
    register_timer(HOLD_TIMER, ordering.on_order_hold_due)
    register_timer(CHECKOUT_TIMER, ordering.on_checkout_due)

    subscribe(OrderAccepted, orchestration.on_order_accepted, name="orchestration.accepted")
    subscribe(PlanCompleted, orchestration.on_plan_completed, name="orchestration.completed")
    subscribe(TaskFellOut, orchestration.on_task_fell_out, name="orchestration.policy")
    subscribe(PlanCancelled, orchestration.on_plan_cancelled, name="orchestration.unwound")
    for event, handler, name in (
        (PaymentSettled, orchestration.on_payment_settled, "billing.settled"),
        (PaymentRefunded, orchestration.on_payment_refunded, "billing.refunded"),
    ):
        telling_the_biller = Guarded("billing", handler)
        subscribe(event, telling_the_biller, name=name, durable=False, queue=billing)
    register_timer(PLAN_MORE, orchestration.on_more_to_plan)
    register_timer(ADVANCE, orchestration.on_advance_due, durable=False)
    register_timer(ASK, orchestration.on_ask_due, durable=False, housekeeping=True)
    register_timer(OVERDUE, orchestration.on_ask_due, durable=False)
    register_timer(TIMER_DUE, orchestration.on_timer_due)
    register_timer(REFUND, refunds.on_refund_due)
    register_timer(making_way.CLEAR, making_way.on_clear_due, durable=False)
    register_timer(line_discounts.TAKE_BACK, making_way.on_take_back_due, durable=False)
    subscribe(ParcelDayMoved, orchestration.on_parcel_day_moved, name="orchestration.day_moved")
    register_timer(KEPT_DUE, orchestration.on_kept_due)
    register_timer(
        jeopardy.LOOK,
        jeopardy.on_look_due,
        durable=False,
        housekeeping=True,
        queue=WorkQueue.SETTLING,
    )
    register_beginning("jeopardy", jeopardy.begin)
    settling = Guarded("content", settlement.on_settlement_due)
    register_timer(settlement.TIMER, settling, durable=False)
    register_beginning("settlement", settlement.begin)
    register_timer(reconciling.TIMER, reconciling.on_due, durable=False)
    register_beginning("reconciliation", reconciling.begin)
    register_timer(orchestration.UNWOUND, orchestration.on_plan_cancelled)
    asking_the_house = Guarded(porting_calls.HOUSE, porting_calls.carry_out)
    register_timer(porting_calls.TIMER, asking_the_house, durable=False)
    register_timer(leaving.TIMER, leaving.on_heard)
    register_timer(leaving.END, leaving.on_gone, durable=False)
    hearing_the_house = Guarded(porting_calls.HOUSE, leaving.on_ask_due)
    register_timer(leaving.ASK, hearing_the_house, durable=False)
    subscribe(SubscriptionActivated, rio.on_subscription_activated, name="porting.rio")
    subscribe(SubscriptionChanged, leaving.on_contract_changed, name="porting.number_rests")
    subscribe(
        SubscriptionChanged,
        orchestration.on_contract_changed,
        name="orchestration.contract_ended",
        durable=False,
    )
    subscribe(
        DunningMoved, orchestration.on_dunning_moved, name="orchestration.paid", durable=False
    )
    register_timer(porting_clocks.NOTICE, porting_clocks.on_notice_due)
    register_timer(porting_clocks.LATE, porting_clocks.on_late)
    register_busy_check("orchestration", orchestration.tasks_under_way)
