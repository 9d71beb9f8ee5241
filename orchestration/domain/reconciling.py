"""What providers have beside what contracts hold, both ways."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from commerce.kernel.differences import Difference

NATIONAL = 9
"""Of a French number, the figures after its 0 or +33."""


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A number and its SIM (empty if not known)."""

    msisdn: str
    iccid: str


def line_differences(
    network: Iterable[HeldLine], contracts: Iterable[HeldLine], *, under_way: Collection[str]
) -> Iterator[Difference]:
    """By number. Those of customers for whom something is `under_way` are looked at another day:
    what is being changed is so at one of us first."""
    theirs = [each for each in network if _national(each.msisdn)]
    ours = {_national(each.msisdn): each for each in contracts}
    moving = {_national(number) for number in under_way}
    count = Counter(_national(each.msisdn) for each in theirs)
    known = {_national(each.msisdn): each for each in theirs}
    for number in sorted({*ours, *known} - moving):
        line, contract = known.get(number), ours.get(number)
        if contract is None:
            yield Difference("line_without_contract", f"0{number}", "no line", "a line")
        elif line is None:
            yield Difference("contract_without_line", f"0{number}", "a line", "no line")
        elif count[number] > 1:
            yield Difference("line_twice", f"0{number}", "1", str(count[number]))
        elif line.iccid and contract.iccid and line.iccid != contract.iccid:
            yield Difference("line_with_other_sim", f"0{number}", contract.iccid, line.iccid)


def content_differences(
    partner: Iterable[str], contracts: Collection[str], *, under_way: Collection[str]
) -> Iterator[Difference]:
    """By the reference of the order line; orders that are `under_way` are left out."""
    count = Counter(partner)
    for reference in sorted({*count, *contracts}):
        if reference.split("/")[0] in under_way:
            continue
        if reference not in contracts:
            yield Difference("content_without_contract", reference, "nothing", "a service")
        elif not count[reference]:
            yield Difference("contract_without_content", reference, "a service", "nothing")
        elif count[reference] > 1:
            yield Difference("content_twice", reference, "1", str(count[reference]))


def _national(msisdn: str) -> str:
    figures = "".join(each for each in msisdn if each.isdecimal())
    return figures[-NATIONAL:]
