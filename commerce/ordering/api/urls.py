"""Addresses of the selling API, below /api/v1/."""

from django.urls import path

from commerce.ordering.api.views.offerings import OfferingsView, OfferingView
from commerce.ordering.api.views.quotes import QuotesView

urlpatterns = [
    path("offerings", OfferingsView.as_view(), name="offerings"),
    path("offerings/<slug:code>", OfferingView.as_view(), name="offering"),
    path("quotes", QuotesView.as_view(), name="quotes"),
]
