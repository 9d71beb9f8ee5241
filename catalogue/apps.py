"""Django app."""

from django.apps import AppConfig


class OfferingConfig(AppConfig):
    name = "catalogue"
    label = "offering"
