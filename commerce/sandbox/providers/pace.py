"""How long the simulated world takes, in business time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

MICROSECOND = 1e-6
"""Keeps the instants of steps that are due at once in their order."""


class PaceUnknown(Exception):
    """SANDBOX_PACE can't be read; the sentence says how to write it."""


class Tempo(StrEnum):
    INSTANT = "instant"
    FAST = "fast"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Pace:
    """One tempo for all providers, with exceptions: `fast,porting=business`."""

    general: Tempo = Tempo.FAST
    exceptions: Mapping[str, Tempo] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises PaceUnknown; an empty text is `fast`."""
        general, exceptions = Tempo.FAST, {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            provider, equals, name = part.rpartition("=")
            try:
                tempo = Tempo(name.strip())
            except ValueError:
                raise PaceUnknown(
                    f"SANDBOX_PACE={text}: write instant, fast or business,"
                    " with exceptions like fast,porting=business."
                ) from None
            if equals:
                exceptions[provider.strip()] = tempo
            else:
                general = tempo
        return cls(general, exceptions)

    def due(self, provider: str, *, now: float, position: float, truly: float) -> float:
        """When the `position`th step of something begun `now` falls due.

        `truly` is the business instant at which it would happen in the real world.
        """
        tempo = self.exceptions.get(provider, self.general)
        if tempo is Tempo.INSTANT:
            return now + position * MICROSECOND
        if tempo is Tempo.FAST:
            return now + position
        return max(truly, now)
