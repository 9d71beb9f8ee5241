"""Whether somebody may pay a device in parts: the port of the credit rule, and our own one. Pure.

A rule answers from what it is given: it is asked within the transaction of the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Applicant:
    """What is known of who asks: `marks` are what past cases of dunning left (the hardest grade of
    each, `lost`); whether something is `overdue` now; how many `running` plans he has, and what is
    `left` of them. `amount` is what he wants to pay in parts."""

    marks: frozenset[str]
    overdue: bool
    running: int
    left: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class Answer:
    """`refused` says why not, empty if he may; `cautious`: with a higher first part."""

    rule: str
    cautious: bool = False
    refused: str = ""


class CreditRule(Protocol):
    def answer(self, applicant: Applicant) -> Answer:
        """The same for the same facts; no clock, nothing read."""


REFUSALS: Mapping[str, Sentence] = {
    "overdue": Sentence("A bill is overdue; once it is paid you may pay in parts."),
    "past_cases": Sentence("Bills were left unpaid before; please pay the whole price today."),
    "running_plans": Sentence(
        "You are paying other devices in parts already; please pay the whole price today."
    ),
}
"""Why somebody pays the whole price, in words; a rule may have codes of its own."""


class OwnRule:
    """Refuses who owes something overdue, whose lines were cut off for unpaid bills or whose bills
    were given up, and who has `MOST` plans running; asks for more today from whose line was once
    restricted, and from who has a plan already."""

    MOST = 2
    NAME = "own/1"

    def answer(self, applicant: Applicant) -> Answer:
        if applicant.overdue:
            return Answer(self.NAME, refused="overdue")
        if applicant.marks & {"suspend", "terminate", "lost"}:
            return Answer(self.NAME, refused="past_cases")
        if applicant.running >= self.MOST:
            return Answer(self.NAME, refused="running_plans")
        return Answer(self.NAME, cautious="restrict" in applicant.marks or applicant.running > 0)
