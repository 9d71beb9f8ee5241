"""The composition root as a Django app: once all apps are loaded, it joins them up."""

from importlib import import_module

from django.apps import AppConfig

from commerce.garbage import end_at_once


class Wiring(AppConfig):
    name = "commerce"
    label = "wiring"

    def ready(self) -> None:
        """The page is imported only now, because it names functions that need the models."""
        import_module("commerce.wiring").connect()
        end_at_once()
