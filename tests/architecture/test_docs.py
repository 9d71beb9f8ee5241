"""What the documents name is there."""

import ast
import re

from commerce.local.place import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
VARIABLE = re.compile(r"env_(?:value|list)\(\s*\"(\w+)\"")


def test_each_test_that_a_document_names_exists() -> None:
    named = {
        (document.name, path, name)
        for document in DOCUMENTS
        for path, name in TEST.findall(document.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert sorted(entry for entry in named if not _exists(*entry[1:])) == []


def test_each_row_of_the_failure_matrix_names_a_test() -> None:
    text = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    told = [line for line in rows if not line.startswith("| what fails")]
    assert len(told) > 80
    assert [line for line in told if "::test_" not in line.rpartition(" | ")[2]] == []


def test_each_duty_names_a_test_or_says_why_there_is_none() -> None:
    text = (ROOT / "docs" / "duties.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    told = [line.rstrip(" |").rpartition(" | ")[2] for line in rows if "| duty |" not in line]
    assert len(told) > 40
    said = re.compile(r"`tests/\S+`|out of scope: .|\*\*missing\*\*")
    assert [shown for shown in told if not said.match(shown)] == []


def test_each_variable_of_the_settings_is_documented() -> None:
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    settings = (ROOT / "commerce" / "settings" / "base.py").read_text(encoding="utf-8")
    variables = set(VARIABLE.findall(settings))
    assert len(variables) > 12
    assert sorted(name for name in variables if f"`{name}`" not in text) == []


def test_each_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]
    assert broken == []


def _exists(path: str, name: str) -> bool:
    file = ROOT / path
    if not file.exists():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return not name or any(
        isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree)
    )
