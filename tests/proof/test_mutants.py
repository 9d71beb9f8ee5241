"""The oracle would find it if the engine had one of these faults."""

import pytest

from tests.proof.comparing import by_engine, by_oracle
from tests.proof.mutants import MUTANTS, planted
from tests.proof.random_carts import case
from tests.proof.test_the_oracle_agrees import SAMPLE


@pytest.fixture(scope="module")
def said() -> dict[int, dict[str, object]]:
    """What the oracle says to each seed that was asked; it doesn't know of the faults."""
    return {}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_found(name: str, said: dict[int, dict[str, object]]) -> None:
    with planted(name):
        for seed in range(SAMPLE):
            if seed not in said:
                said[seed] = by_oracle(case(seed))
            if by_engine(case(seed)) != said[seed]:
                return
    pytest.fail(f"{SAMPLE} carts cost the same although {name}")


def test_without_a_fault_there_is_nothing_to_find() -> None:
    with planted(next(iter(MUTANTS))):
        pass

    assert by_engine(case(1)) == by_oracle(case(1))
