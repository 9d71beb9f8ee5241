"""Addresses of promotions, below /api/v1/."""

from django.urls import path

from promotions.api import views

urlpatterns = [
    path("promotions/code-batches", views.BatchesView.as_view(), name="code-batches"),
    path(
        "promotions/code-batches/<int:batch>/export",
        views.BatchExportView.as_view(),
        name="code-batch-export",
    ),
]
