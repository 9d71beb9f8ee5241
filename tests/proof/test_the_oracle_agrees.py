"""The engine says what the oracle says; `make proof` compares 5,000 carts, this a sample."""

import ast
import sys
from pathlib import Path

import pytest

from tests import oracle
from tests.proof.comparing import disagreements
from tests.proof.random_carts import case

SAMPLE, TOGETHER = 400, 50
HERE = Path(oracle.__file__).parent


@pytest.mark.parametrize("first", range(0, SAMPLE, TOGETHER))
def test_the_engine_agrees_with_the_oracle(first: int) -> None:
    found = {seed: disagreements(case(seed)) for seed in range(first, first + TOGETHER)}

    assert {seed: said for seed, said in found.items() if said} == {}


@pytest.mark.parametrize("file", sorted(HERE.glob("*.py")), ids=lambda file: file.name)
def test_the_oracle_shares_no_code_with_the_engine(file: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")

    own = {name for name in names if name.startswith("tests.oracle")}
    assert {name.partition(".")[0] for name in names - own} <= set(sys.stdlib_module_names)


def test_a_seed_is_one_case_for_ever() -> None:
    assert case(7) == case(7)
    assert case(7).cart != case(8).cart
