"""Addresses as in CAMARA's documents: /carrier-billing/v0.5 and /carrier-billing-refund/v0.3; of
our own beside them /carrier-billing-statements/v1."""

from django.urls import path, re_path

from subscriptions.carrier.api import views

_PAYMENTS = "carrier-billing/v0.5/payments"
_REFUNDS = "carrier-billing-refund/v0.3/payments/<str:payment>/refunds"
_STATEMENTS = "carrier-billing-statements/v1/statements"

urlpatterns = [
    path(_PAYMENTS, views.PaymentsView.as_view(), name="carrier_payments"),
    path(f"{_PAYMENTS}/prepare", views.PrepareView.as_view(), name="carrier_prepare"),
    path(f"{_PAYMENTS}/<str:payment>", views.PaymentView.as_view(), name="carrier_payment"),
    path(
        f"{_PAYMENTS}/<str:payment>/validate",
        views.ValidateView.as_view(),
        name="carrier_validate",
    ),
    path(f"{_PAYMENTS}/<str:payment>/confirm", views.ConfirmView.as_view(), name="carrier_confirm"),
    path(f"{_PAYMENTS}/<str:payment>/cancel", views.CancelView.as_view(), name="carrier_cancel"),
    path(_REFUNDS, views.RefundsView.as_view(), name="carrier_refunds"),
    path(f"{_REFUNDS}/remaining-amount", views.RemainingView.as_view(), name="carrier_remaining"),
    path(f"{_REFUNDS}/<str:refund>", views.RefundView.as_view(), name="carrier_refund"),
    path(_STATEMENTS, views.StatementsView.as_view(), name="carrier_statements"),
    path(f"{_STATEMENTS}/<str:month>", views.StatementView.as_view(), name="carrier_statement"),
    path(
        f"{_STATEMENTS}/<str:month>/commission",
        views.CommissionView.as_view(),
        name="carrier_commission",
    ),
    re_path("^carrier-billing[a-z-]*/", views.UnknownView.as_view(), name="carrier_unknown"),
]
