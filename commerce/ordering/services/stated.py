"""Of what a statement in writing speaks: one reading for its link, its notice and its days."""

from collections.abc import Set
from datetime import timedelta

from commerce.accounts.written import ContractRequestFacts

Bundle = tuple[str, str]
"""A contract or what was bought with it, by the order and the group that brought it."""

STATEMENT_GOOD_FOR = timedelta(days=30)
"""How long a statement in writing waits to be carried out; after that nobody does without asking
why."""


def is_meant(
    asked: ContractRequestFacts, bundle: Bundle, *, line: str, billed: Set[Bundle]
) -> bool:
    """Whether the statement speaks of the `bundle` with that `line`: of its line, or where it names
    none of its order, of which all is meant, or of a bill that is of nothing else: `billed` is what
    the bill of the number that it names holds, of all that it can be about."""
    if asked.line_number:
        return asked.line_number == line
    return asked.contract == bundle[0] or billed == {bundle}
