"""The oracle of bills would find it if the engine had one of these faults."""

import pytest

from commerce.kernel import money
from commerce.kernel.errors import RuleViolated
from tests.proof.billing.compare import Answer, by_engine, by_oracle
from tests.proof.billing.facts import Life
from tests.proof.billing.lives import life
from tests.proof.billing.modelled import modelled
from tests.proof.billing.mutants import MUTANTS, planted

SAMPLE = 120


@pytest.fixture(scope="module")
def said() -> dict[int, Answer]:
    """What the oracle says to each seed that was asked; it doesn't know of the faults."""
    return {}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_found(name: str, said: dict[int, Answer]) -> None:
    for seed in range(SAMPLE):
        one = modelled(life(seed))
        if seed not in said:
            said[seed] = by_oracle(one)
        with planted(name):
            if billed_or_parked(one) != said[seed]:
                return
    pytest.fail(f"{SAMPLE} lives are billed the same although {name}")


def billed_or_parked(one: Life) -> Answer | None:
    """None: the engine finds itself in a state that it can't be in, and parks the account."""
    try:
        return by_engine(one)
    except RuleViolated:
        return None


def test_without_a_fault_there_is_nothing_to_find() -> None:
    with planted(next(iter(MUTANTS))):
        pass

    assert by_engine(modelled(life(1))) == by_oracle(modelled(life(1)))


def test_a_fault_can_not_be_planted_where_the_engine_has_nothing_of_that_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = next(iter(MUTANTS))
    monkeypatch.delattr(money, "ROUND_HALF_UP")
    with pytest.raises(AttributeError, match="ROUND_HALF_UP"), planted(name):
        pytest.fail("nothing was planted")
