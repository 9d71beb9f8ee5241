"""Addresses of fulfilment, below /api/v1/."""

from django.urls import path

from orchestration.api.tracking import TrackingView

urlpatterns = [
    path("orders/<slug:number>/tracking", TrackingView.as_view(), name="order-tracking"),
]
