"""A run of the proof goes on where it was stopped, wherever that was."""

import json
from pathlib import Path

from tests.proof.run import kept

SOURCES = "of these sources"


def book(folder: Path, *cases: object, sources: str = SOURCES, torn: str = "") -> Path:
    """What a run has left behind."""
    lines = [json.dumps(each) + "\n" for each in (sources, *cases)]
    file = folder / "bills.jsonl"
    file.write_text("".join(lines) + torn, encoding="utf-8")
    return file


def test_what_was_compared_is_counted_in_whatever_order_it_was_done(tmp_path: Path) -> None:
    file = book(tmp_path, [4, [], ["a renewal"]], [0, ["bill 2: ..."], ["a renewal", "usage"]])

    progress = kept(file, SOURCES)

    assert progress.done == {0, 4}
    assert progress.held == {"a renewal": 2, "usage": 1}
    assert progress.found == {0: ["bill 2: ..."]}


def test_a_case_that_was_compared_twice_counts_once(tmp_path: Path) -> None:
    progress = kept(book(tmp_path, [4, [], ["usage"]], [4, [], ["usage"]]), SOURCES)
    assert (progress.done, progress.held) == ({4}, {"usage": 1})


def test_a_line_that_was_torn_off_is_compared_again(tmp_path: Path) -> None:
    file = book(tmp_path, [4, [], []], torn='[5, [], ["usa')

    assert kept(file, SOURCES).done == {4}
    assert file.read_text(encoding="utf-8").endswith("[4, [], []]\n")


def test_of_other_sources_nothing_counts(tmp_path: Path) -> None:
    file = book(tmp_path, [4, [], []], sources="of others")

    assert kept(file, SOURCES).done == set()
    assert file.read_text(encoding="utf-8") == f'"{SOURCES}"\n'


def test_the_first_run_begins_its_book(tmp_path: Path) -> None:
    file = tmp_path / "results" / "bills.jsonl"

    assert kept(file, SOURCES).done == set()
    assert file.read_text(encoding="utf-8") == f'"{SOURCES}"\n'
