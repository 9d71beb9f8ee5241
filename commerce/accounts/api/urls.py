"""Addresses of a firm's (and the operator's) own webhooks, below /api/v1/."""

from django.urls import path

from commerce.accounts.api.webhooks import (
    EndpointsView,
    EndpointView,
    MessagesView,
    PauseView,
    ReplaysView,
    ResumeView,
    SecretView,
    SendAgainView,
    TestsView,
)

_ONE = "webhook-endpoints/<uuid:endpoint>"
urlpatterns = [
    path("webhook-endpoints", EndpointsView.as_view(), name="webhook-endpoints"),
    path(_ONE, EndpointView.as_view(), name="webhook-endpoint"),
    path(f"{_ONE}/secret", SecretView.as_view(), name="webhook-secret"),
    path(f"{_ONE}/pause", PauseView.as_view(), name="webhook-pause"),
    path(f"{_ONE}/resume", ResumeView.as_view(), name="webhook-resume"),
    path(f"{_ONE}/tests", TestsView.as_view(), name="webhook-tests"),
    path(f"{_ONE}/messages", MessagesView.as_view(), name="webhook-messages"),
    path(
        f"{_ONE}/messages/<uuid:message>/send-again",
        SendAgainView.as_view(),
        name="webhook-send-again",
    ),
    path(f"{_ONE}/replays", ReplaysView.as_view(), name="webhook-replays"),
]
