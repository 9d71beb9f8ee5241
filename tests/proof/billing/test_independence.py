"""The oracle stands on the rules alone."""

import ast
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGE = "tests.proof.billing"
ORACLE = (
    "facts",
    "money",
    "cycles",
    "seen",
    "thirds",
    "owed",
    "oracle",
    "catalogue",
    "lives",
    "situations",
)
STANDARD = sys.stdlib_module_names


def imported(source: str) -> set[str]:
    """The modules that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("name", ORACLE)
def test_the_oracle_imports_the_standard_library_and_itself(name: str) -> None:
    names = imported((HERE / f"{name}.py").read_text())
    own = {f"{PACKAGE}.{other}" for other in ORACLE}
    assert {each for each in names - own if each.split(".")[0] not in STANDARD} == set()
