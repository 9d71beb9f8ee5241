"""Django app."""

from django.apps import AppConfig


class OrderingConfig(AppConfig):
    name = "commerce.ordering"
    label = "ordering"
