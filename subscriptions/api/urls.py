"""Addresses of contracts and bills, below /api/v1/."""

from django.urls import path

from subscriptions.api import (
    bill_day,
    dunning,
    instalments,
    paid_later,
    payers,
    purchase_limits,
    views,
)

urlpatterns = [
    path("subscriptions", views.SubscriptionsView.as_view(), name="subscriptions"),
    path(
        "subscriptions/<int:subscription_id>",
        views.SubscriptionView.as_view(),
        name="subscription",
    ),
    path(
        "subscriptions/<int:subscription_id>/consumption",
        views.ConsumptionView.as_view(),
        name="consumption",
    ),
    path(
        "subscriptions/<int:subscription_id>/paid-later",
        paid_later.ContinuationsView.as_view(),
        name="paid_later",
    ),
    path(
        "subscriptions/<int:subscription_id>/paid-later/<int:item_id>",
        paid_later.ContinuationView.as_view(),
        name="answer_paid_later",
    ),
    path(
        "subscriptions/<int:subscription_id>/purchase-limits",
        purchase_limits.PurchaseLimitsView.as_view(),
        name="purchase_limits",
    ),
    path("consumption", views.ConsumptionReportsView.as_view(), name="consumption_reports"),
    path("usage", views.UsageView.as_view(), name="usage"),
    path("bill-day", bill_day.BillDayView.as_view(), name="bill_day"),
    path("bill-day/preview", bill_day.BillDayPreviewView.as_view(), name="bill_day_preview"),
    path("payer-agreements", payers.PayerAgreementsView.as_view(), name="payer_agreements"),
    path(
        "payer-agreements/acceptances",
        payers.PayerAcceptanceView.as_view(),
        name="payer_acceptances",
    ),
    path("payer-agreements/refusals", payers.PayerRefusalView.as_view(), name="payer_refusals"),
    path(
        "payer-agreements/<int:agreement_id>/end",
        payers.PayerEndView.as_view(),
        name="payer_agreement_end",
    ),
    path("payables", payers.PayablesListView.as_view(), name="payables_list"),
    path("payables/<str:on>", payers.PayablesView.as_view(), name="payables"),
    path("invoices", views.InvoicesView.as_view(), name="invoices"),
    path("invoices/<slug:number>.pdf", views.InvoicePdfView.as_view(), name="invoice_pdf"),
    path("invoices/<slug:number>.xml", views.InvoiceXmlView.as_view(), name="invoice_xml"),
    path("invoices/<slug:number>.ubl.xml", views.InvoiceUblView.as_view(), name="invoice_ubl"),
    path("invoices/<slug:number>/explanation", views.ExplanationView.as_view(), name="explanation"),
    path(
        "invoices/<slug:number>/pay-off",
        instalments.InvoicePayOffView.as_view(),
        name="invoice_pay_off",
    ),
    path("invoices/<slug:number>", views.InvoiceView.as_view(), name="invoice"),
    path("dunning-cases", dunning.DunningCasesView.as_view(), name="dunning_cases"),
    path("dunning-cases/<int:case_id>", dunning.DunningCaseView.as_view(), name="dunning_case"),
    path(
        "dunning-cases/<int:case_id>/promise",
        dunning.PaymentPromiseView.as_view(),
        name="payment_promise",
    ),
    path("late-interest", dunning.LateInterestsView.as_view(), name="late_interest"),
    path(
        "late-interest/<int:interest_id>/waiver",
        dunning.InterestWaiverView.as_view(),
        name="interest_waiver",
    ),
    path("debit-notices", dunning.DebitNoticesView.as_view(), name="debit_notices"),
    path("debit-notices/<int:notice_id>", dunning.DebitNoticeView.as_view(), name="debit_notice"),
]
