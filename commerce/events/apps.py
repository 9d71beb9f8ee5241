"""Django app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "commerce.events"
    label = "events"
