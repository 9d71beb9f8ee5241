"""Django app."""

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


class FrontendConfig(AppConfig):
    name = "frontend"
    label = "frontend"

    def ready(self) -> None:
        checks.register(french_is_compiled)


def french_is_compiled(**_: Any) -> list[checks.CheckMessage]:
    """Without the compiled texts every page would silently be in English."""
    if (Path(settings.LOCALE_PATHS[0]) / "fr" / "LC_MESSAGES" / "django.mo").exists():
        return []
    return [
        checks.Error(
            "The French texts are not compiled.",
            hint="Run `manage.py texts --compile`.",
            id="frontend.E001",
        )
    ]
