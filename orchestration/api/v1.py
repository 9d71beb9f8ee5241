"""Addresses of fulfilment, below /api/v1/."""

from django.urls import path

from orchestration.api.cancellation import CancellationQuoteView, CancellationView
from orchestration.api.fallout import FalloutDecisionsView, FalloutView
from orchestration.api.tracking import TrackingView

urlpatterns = [
    path("fallout", FalloutView.as_view(), name="fallout"),
    path("fallout/decisions", FalloutDecisionsView.as_view(), name="fallout-decisions"),
    path(
        "orders/<slug:number>/cancellation-quote",
        CancellationQuoteView.as_view(),
        name="order-cancellation-quote",
    ),
    path(
        "orders/<slug:number>/cancellation", CancellationView.as_view(), name="order-cancellation"
    ),
    path("orders/<slug:number>/tracking", TrackingView.as_view(), name="order-tracking"),
]
