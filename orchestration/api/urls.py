"""Addresses of orchestration's machine interfaces."""

from django.urls import path

from orchestration.api.callbacks import provider_callback

urlpatterns = [
    path("callbacks/providers/<slug:provider>", provider_callback, name="provider_callback"),
]
