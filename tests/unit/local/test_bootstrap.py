"""What is installed on a fresh machine, and what is said where it can't be."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from commerce.local import bootstrap

PYTHON = "/usr/bin/python3.11"
ROOT_USER, ANYBODY = 0, 1000


class Machine:
    """Takes the place of what is installed, and records what would be run."""

    def __init__(self, folder: Path, *, packages: Sequence[str], programs: Sequence[str]) -> None:
        self.folder, self.packages, self.programs = folder, packages, programs
        self.ran: list[tuple[str, ...]] = []

    def which(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.programs else None

    def run(self, command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        words = tuple(map(str, command))
        if words[0] == "dpkg-query":
            status = "installed" if words[-1] in self.packages else "not-installed"
            return subprocess.CompletedProcess(words, 0, stdout=status)
        if words[1:] == ("-c", "import ensurepip, venv"):
            return subprocess.CompletedProcess(words, 0 if "venv" in self.packages else 1)
        if words[1:2] == ("-S",):
            return subprocess.CompletedProcess(words, 0, stdout="(3, 11)\n")
        self.ran.append(words)
        return subprocess.CompletedProcess(words, 0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A Debian machine with nothing on it but apt and dpkg, and root at the keyboard."""
    made = Machine(tmp_path, packages=[], programs=["apt-get", "dpkg-query", "python3.11"])
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: made.which(name))
    monkeypatch.setattr(subprocess, "run", made.run)
    monkeypatch.setattr(os, "geteuid", lambda: ROOT_USER)
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name in ("local", "dev"):
        (locks / f"{name}.txt").write_text(f"{name}==1\n")
    return made


def with_environment(machine: Machine) -> Path:
    """`.venv` is there and works."""
    program = machine.folder / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.touch()
    return program


def test_root_gets_all_missing_packages_at_once(machine: Machine) -> None:
    bootstrap.see_to_packages("dev", PYTHON)
    update, install = machine.ran
    assert update[-1] == "update"
    assert install[-3:] == ("chromium-headless-shell", "fonts-liberation", "python3.11-venv")


def test_anybody_else_is_told_all_of_them_in_one_sentence(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: ANYBODY)
    with pytest.raises(bootstrap.Missing) as told:
        bootstrap.see_to_packages("dev", PYTHON)
    assert str(told.value) == (
        "These Debian packages are missing: "
        "`sudo apt-get install chromium-headless-shell fonts-liberation python3.11-venv`."
    )
    assert machine.ran == []


def test_a_machine_without_apt_is_told_the_names(machine: Machine) -> None:
    machine.programs = ["python3.11"]
    with pytest.raises(bootstrap.Missing, match=r"python3\.11-venv; this machine has no apt"):
        bootstrap.see_to_packages("local", PYTHON)


@pytest.mark.parametrize(
    ("packages", "programs", "missing"),
    [
        (["venv", "fonts-liberation", "chromium-headless-shell"], [], []),
        (["venv", "fonts-liberation"], ["chromium"], []),
        (["venv", "fonts-liberation"], ["chromium-headless-shell"], []),
        (["venv", "chromium-headless-shell"], [], ["fonts-liberation"]),
        (["fonts-liberation"], ["chromium"], ["python3.11-venv"]),
    ],
)
def test_a_package_or_its_program_is_enough(
    machine: Machine, packages: list[str], programs: list[str], missing: list[str]
) -> None:
    machine.packages, machine.programs = packages, [*machine.programs, *programs]
    bootstrap.see_to_packages("dev", PYTHON)
    installed = machine.ran[-1][5:] if machine.ran else ()
    assert list(installed) == missing


def test_an_environment_that_works_needs_no_venv_package(machine: Machine) -> None:
    with_environment(machine)
    bootstrap.see_to_packages("local", PYTHON)
    assert machine.ran == []


def test_a_fresh_machine_gets_an_environment_with_the_locked_packages(machine: Machine) -> None:
    machine.packages = ["venv"]
    program = machine.folder / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    bootstrap.prepare("local")
    made, installed = machine.ran
    assert made == ("/usr/bin/python3.11", "-m", "venv", "--clear", str(machine.folder / ".venv"))
    assert installed[:4] == (str(program), "-m", "pip", "install")
    assert installed[-3:-1] == ("--require-hashes", "--requirement")
    assert installed[-1].endswith("requirements/local.txt")


def test_what_is_stamped_is_not_installed_again_until_its_lock_changes(machine: Machine) -> None:
    program = with_environment(machine)
    for _ in range(2):
        bootstrap.install(program, "dev")
    assert len(machine.ran) == 1
    # What `dev` holds covers `local`, from the same run of the lock.
    bootstrap.install(program, "local")
    assert len(machine.ran) == 1
    (machine.folder / "requirements" / "local.txt").write_text("local==2\n")
    bootstrap.install(program, "local")
    assert [entry[-1].rpartition("/")[2] for entry in machine.ran] == ["dev.txt", "local.txt"]


def test_an_installation_that_breaks_leaves_no_stamp(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = with_environment(machine)
    bootstrap.install(program, "local")
    (machine.folder / "requirements" / "local.txt").write_text("local==2\n")

    def fails(command: Sequence[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, list(command))

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(subprocess.CalledProcessError):
        bootstrap.install(program, "local")
    assert not (machine.folder / ".venv" / "installed").exists()


def test_without_the_wanted_python_it_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.programs = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(bootstrap.Missing, match=r"Python 3\.11 is needed"):
        bootstrap.find_python()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (bootstrap.Missing("Please install it."), "Please install it."),
        (subprocess.CalledProcessError(1, ["pip", "install"]), "`pip install ...` failed"),
    ],
)
def test_a_failure_is_one_sentence_and_no_traceback(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    def breaks(what: str) -> None:
        raise error

    monkeypatch.setattr(bootstrap, "prepare", breaks)
    monkeypatch.setattr(sys, "argv", ["bootstrap", "local"])
    assert bootstrap.main() == 1
    assert said in capsys.readouterr().err
