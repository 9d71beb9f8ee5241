"""The engine bills what the oracle bills; `make proof` compares 10,000 lives, this a sample."""

import pytest

from tests.proof.billing.compare import difference
from tests.proof.billing.lives import life
from tests.proof.billing.modelled import LEFT_OUT, modelled
from tests.proof.billing.situations import SITUATIONS, covered

SAMPLE, TOGETHER = 40, 10


@pytest.mark.parametrize("first", range(0, SAMPLE, TOGETHER))
def test_the_engine_agrees_with_the_oracle(first: int) -> None:
    found = {seed: difference(modelled(life(seed))) for seed in range(first, first + TOGETHER)}

    assert {seed: said for seed, said in found.items() if said} == {}


def test_every_situation_is_compared_or_left_out_for_a_reason() -> None:
    held = covered(modelled(life(seed)) for seed in range(200))

    assert {name for name, count in held.items() if not count} == set(LEFT_OUT)
    assert set(LEFT_OUT) < set(SITUATIONS)
