"""A running line that goes to another holder: the life of the wish, and what he takes on. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from catalogue.domain.model import Text
from commerce.kernel.codec import to_plain
from commerce.kernel.money import Money
from commerce.kernel.states import Transitions
from commerce.ordering.domain.schedule import merged
from subscriptions.domain.charges import AgreedCharge, Phase

GOOD_FOR = timedelta(days=14)
"""How long the new holder may think it over."""
ASKED_A_DAY = 5
"""How often somebody may be asked for a line, and for how many lines one address, in 24 hours."""
FARTHEST = timedelta(days=92)
"""How far ahead the day may be wished: other changes of the line wait for it."""
_YEAR = 12
GIVEN_UP = "give_up_line"
TAKEN_OVER = "take_over_line"
TEXT_VERSION = "2026-11"
"""The consents of the two, and the version of the texts that they are given to."""


class HolderState(StrEnum):
    """`ACCEPTED`: an order of the new holder is under way; `CALLED_OFF`: it was cancelled."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"
    EXPIRED = "expired"
    CALLED_OFF = "called_off"


HOLDER_LIFE = Transitions(
    {
        HolderState.ASKED: frozenset(
            {
                HolderState.ACCEPTED,
                HolderState.DECLINED,
                HolderState.TAKEN_BACK,
                HolderState.EXPIRED,
            }
        ),
        HolderState.ACCEPTED: frozenset({HolderState.DONE, HolderState.CALLED_OFF}),
    }
)
OPEN = frozenset(HOLDER_LIFE.table)


@dataclass(frozen=True, slots=True)
class HolderChangeView:
    """The wish as the one who gives the line up sees it; of the other only the address that he
    named. `on` is the day on which the line goes, once that is agreed; as long as the other is
    asked the earliest that is wished, if one is."""

    subscription_id: int
    msisdn: str
    state: HolderState
    email: str
    asked_at: datetime
    until: datetime
    on: date | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Bill:
    """What a day's bill will say of the line."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What the new holder takes on: the line as it stands, from the day `on`.

    `charges` are those of what goes along, by item of the contract, with what is left of their
    advantages; `ends` does not go along. He is bound until `bound_until`, if at all.
    """

    msisdn: str
    giver: str
    business: bool
    on: date
    names: Mapping[int, Text]
    charges: Mapping[int, tuple[AgreedCharge, ...]]
    ends: tuple[Text, ...]
    bound_until: date | None
    bills: tuple[Bill, ...]
    until: datetime

    def phases(self, item: int) -> tuple[Phase, ...]:
        """What an item costs, from the first month of the new holder on."""
        return merged(self.charges[item], months=_YEAR)

    @property
    def monthly(self) -> tuple[Phase, ...]:
        """What all of it costs."""
        return merged([each for charges in self.charges.values() for each in charges], months=_YEAR)

    def digest(self) -> str:
        """SHA-256 of what is agreed, which is not whose account it comes to."""
        charges = [charge for each in self.charges.values() for charge in each]
        said = json.dumps(to_plain(tuple(charges)), sort_keys=True)
        text = f"{self.msisdn}|{self.on}|{self.bound_until}|{said}"
        return hashlib.sha256(text.encode()).hexdigest()
