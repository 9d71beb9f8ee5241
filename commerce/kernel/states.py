"""State machines as tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from commerce.kernel.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transitions(Generic[S]):
    """Which state may follow which; a state without a row is final."""

    table: Mapping[S, frozenset[S]]

    def check(self, current: S, target: S) -> None:
        """Raises IllegalTransition with both states when the table has no such step."""
        if target not in self.table.get(current, frozenset()):
            raise IllegalTransition(
                f"{type(current).__name__} can't go from {current} to {target}",
                current=str(current),
                target=str(target),
            )

    def is_final(self, state: S) -> bool:
        return not self.table.get(state)

    @property
    def states(self) -> frozenset[S]:
        return frozenset(self.table) | frozenset(
            s for targets in self.table.values() for s in targets
        )
