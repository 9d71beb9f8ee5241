"""The circuit breaker of providers that are reached by the handler of a timer or an event, not by a
plan's task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from commerce.events.work import Postponed
from commerce.kernel.errors import Unknown
from orchestration.services.health import note_answer, note_silence, shut_until


@dataclass(frozen=True, slots=True)
class Guarded:
    """`handler`, called with no transaction open as long as `port` is not left alone.

    It answers whether the provider has answered, be it no (False: there was nothing to ask him, or
    it noted his silence itself and asks again), and raises Unknown when he keeps silent. While the
    port is shut its timer or delivery waits, and uses up no tries.
    """

    port: str
    handler: Callable[[Mapping[str, Any]], bool]

    def __call__(self, payload: Mapping[str, Any]) -> None:
        """Raises Postponed, and whatever the handler raises."""
        until = shut_until(self.port)
        if until is not None:
            raise Postponed(until)
        try:
            answered = self.handler(payload)
        except Unknown as silence:
            if note_silence(self.port, error=silence.message):
                raise Postponed(shut_until(self.port)) from silence
            raise
        if answered:
            note_answer(self.port)
