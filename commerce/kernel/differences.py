"""Where two who should say the same say something else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """`identity` names it in the words of the business (a bill, a line, a payment); `kind` says
    which two were compared. `expected` and `found` are amounts, days or words, as text."""

    kind: str
    identity: str
    expected: str
    found: str
