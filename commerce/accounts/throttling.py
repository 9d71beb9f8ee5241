"""By which name tries at the log-in are counted."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest


def attempted_name(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The e-mail that was tried, however it was written: one person is counted once."""
    given = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(given).strip().lower()
