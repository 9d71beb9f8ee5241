"""What we need of a message carrier and of a postal provider. Two errors: `Refused` and
`Unknown`."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """`reference` is also the key under which the carrier takes it once."""

    reference: str
    to: str
    text: str
    subject: str = ""


class Messages(Protocol):
    def send_sms(self, message: OutgoingMessage) -> str:
        """Hand it over; returns the carrier's id. Raises Refused and Unknown."""

    def send_email(self, message: OutgoingMessage) -> str:
        """Hand it over; returns the carrier's id. Raises Refused and Unknown."""

    def find(self, reference: str) -> str | None:
        """The carrier's id of what became of `reference`; None if it never arrived.

        Raises:
            Refused: it arrived and the carrier said no.
            Unknown: the carrier doesn't answer.
        """


@dataclass(frozen=True, slots=True)
class Letter:
    """To be printed and posted: `lines` stand on the envelope, from the name to the town.
    `reference` is also the key under which the provider takes it once."""

    reference: str
    lines: tuple[str, ...]
    subject: str
    text: str
    language: str


class Letters(Protocol):
    def send_letter(self, letter: Letter) -> str:
        """Hand it over; returns the provider's id. Raises Refused and Unknown."""

    def find(self, reference: str) -> str | None:
        """As of a message."""
