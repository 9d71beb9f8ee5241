"""An item of a bundle fails for good: what becomes of the rest. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestration.domain.recipes import Failing


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failing` is what is done: without `lines` (ALONE), with none of the bundle (BUNDLE), or
    nothing by itself (ASK)."""

    failing: Failing
    lines: tuple[str, ...] = ()


def verdict_on(failed: Iterable[str], *, policies: Mapping[str, Failing]) -> Verdict:
    """What becomes of a bundle when a task fails that served the lines `failed`.

    `policies` are those of all lines of the bundle. Where one of the failed ones takes the bundle
    with it, it does; where one of them asks, it is asked; a bundle of which nothing would be left
    is taken back.
    """
    lines = tuple(sorted(failed))
    found = {policies.get(line, Failing.ASK) for line in lines}
    if Failing.BUNDLE in found:
        return Verdict(Failing.BUNDLE)
    if Failing.ASK in found or not lines:
        return Verdict(Failing.ASK)
    if set(policies) <= set(lines):
        return Verdict(Failing.BUNDLE)
    return Verdict(Failing.ALONE, lines)
