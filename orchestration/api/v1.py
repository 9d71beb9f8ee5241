"""Addresses of fulfilment, below /api/v1/."""

from django.urls import path

from orchestration.api.amendment import AmendmentQuoteView, AmendmentView
from orchestration.api.by_hand import CorrectionView, ManualTasksView, ManualTaskView
from orchestration.api.cancellation import CancellationQuoteView, CancellationView
from orchestration.api.fallout import FalloutDecisionsView, FalloutView
from orchestration.api.jeopardy import JeopardyView
from orchestration.api.porting import (
    PortCancellationView,
    PortCorrectionView,
    PortDayView,
    PortInsView,
    PortRedirectionView,
)
from orchestration.api.tracking import TrackingView

urlpatterns = [
    path("fallout", FalloutView.as_view(), name="fallout"),
    path("jeopardy", JeopardyView.as_view(), name="jeopardy"),
    path("manual-tasks", ManualTasksView.as_view(), name="manual-tasks"),
    path("manual-tasks/<int:task>", ManualTaskView.as_view(), name="manual-task"),
    path("fallout/<int:task>/correction", CorrectionView.as_view(), name="fallout-correction"),
    path("fallout/decisions", FalloutDecisionsView.as_view(), name="fallout-decisions"),
    path(
        "orders/<slug:number>/cancellation-quote",
        CancellationQuoteView.as_view(),
        name="order-cancellation-quote",
    ),
    path(
        "orders/<slug:number>/cancellation", CancellationView.as_view(), name="order-cancellation"
    ),
    path(
        "orders/<slug:number>/amendment-quote",
        AmendmentQuoteView.as_view(),
        name="order-amendment-quote",
    ),
    path("orders/<slug:number>/amendment", AmendmentView.as_view(), name="order-amendment"),
    path("orders/<slug:number>/numbers", PortInsView.as_view(), name="port-ins"),
    path("orders/<slug:number>/numbers/<name:line>/day", PortDayView.as_view(), name="port-day"),
    path(
        "orders/<slug:number>/numbers/<name:line>/correction",
        PortCorrectionView.as_view(),
        name="port-correction",
    ),
    path(
        "orders/<slug:number>/numbers/<name:line>/cancellation",
        PortCancellationView.as_view(),
        name="port-cancellation",
    ),
    path(
        "orders/<slug:number>/numbers/<name:line>/redirection",
        PortRedirectionView.as_view(),
        name="port-redirection",
    ),
    path("orders/<slug:number>/tracking", TrackingView.as_view(), name="order-tracking"),
]
