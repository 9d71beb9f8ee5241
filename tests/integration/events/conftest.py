"""A registry of its own for each test: what a test subscribes is gone after it."""

import pytest

from commerce.events import registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_subscriptions", "_timers", "_busy", "_outside"):
        monkeypatch.setattr(registry, name, {})
