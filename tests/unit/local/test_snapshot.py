"""Which kept database a thrown-away one begins with."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from commerce.local import snapshot

OLD = {"requirements/base.txt": "1", "a/0001.py": "x"}


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was restored, by name; `old` is kept."""
    said: list[str] = []

    def run(program: Path, *arguments: str | Path) -> None:
        if program.name == "pg_dump":
            target = next(str(each) for each in arguments if str(each).startswith("--file="))
            Path(target.removeprefix("--file=")).touch()
        else:
            said.append(Path(arguments[-1]).stem)

    monkeypatch.setattr(snapshot, "_FOLDER", tmp_path)
    monkeypatch.setattr(snapshot, "_run", run)
    snapshot.keep(url="", digest="old", sources=OLD, binaries=tmp_path)
    return said


@pytest.mark.parametrize(
    ("case", "digest", "sources", "complete", "restored"),
    [
        ("the same", "old", OLD, True, ["old"]),
        ("a migration was written", "new", {**OLD, "a/0002.py": "y"}, False, ["old"]),
        ("one was changed", "new", {**OLD, "a/0001.py": "z"}, False, []),
        ("one was taken away", "new", {"requirements/base.txt": "1"}, False, []),
        ("other packages", "new", {**OLD, "requirements/base.txt": "2"}, False, []),
    ],
)
def test_the_nearest_snapshot_is_a_head_start(
    filled: list[str],
    tmp_path: Path,
    case: str,
    digest: str,
    sources: Mapping[str, str],
    complete: bool,
    restored: list[str],
) -> None:
    found = snapshot.restore(url="", digest=digest, sources=sources, binaries=tmp_path)
    assert (found, filled) == (complete, restored), case
