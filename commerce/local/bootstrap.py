"""Makes `.venv` with the locked packages, and sees to the Debian packages that a command needs.

Runs with the system's Python before anything is installed, so it uses the standard library alone
and syntax that older versions read well enough to be told which version is needed.
"""

from __future__ import annotations

import argparse
import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WANTED = (3, 11)
# What a set of commands needs of the machine: a Debian package, and programs of which each will do
# in its stead (none: ask dpkg alone).
DEBIAN: dict[str, dict[str, tuple[str, ...]]] = {
    "local": {},
    "dev": {
        "chromium-headless-shell": ("chromium-headless-shell", "chromium"),
        "fonts-liberation": (),
    },
}
# What one thing needs, everything else working without it: the PDFs of invoices.
PAPER = ("libharfbuzz-subset0", "libpangoft2-1.0-0")


class Missing(Exception):
    """Something that can't be installed from here; the message is one sentence."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=(*DEBIAN, "lock"))
    what = parser.parse_args().what
    try:
        if what == "lock":
            lock()
        else:
            prepare(what)
    except Missing as sentence:
        print(sentence, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"`{' '.join(map(str, error.cmd[:4]))} ...` failed; what it says stands above.",
            file=sys.stderr,
        )
        return 1
    return 0


def prepare(what: str) -> None:
    """Bring the machine and `.venv` to what `what` needs; quick when nothing is to be done."""
    python = find_python()
    see_to_packages(what, python)
    environment = ROOT / ".venv"
    program = environment / "bin" / "python"
    if not works(program):
        say("making .venv")
        subprocess.run([python, "-m", "venv", "--clear", str(environment)], check=True)
    install(program, what)


def find_python() -> str:
    own = sys.executable if sys.version_info[:2] == WANTED else None
    found = shutil.which("python{}.{}".format(*WANTED)) or own
    if not found:
        raise Missing("Python {}.{} is needed and was not found on PATH.".format(*WANTED))
    return found


def see_to_packages(what: str, python: str) -> None:
    """Install the missing Debian packages when root.

    Raises:
        Missing: we are not root; names all of them at once.
    """
    missing = [
        name
        for name, programs in DEBIAN[what].items()
        if not any(map(shutil.which, programs)) and not has_package(name)
    ]
    if not has_paper():
        if what == "dev" or (os.geteuid() == 0 and shutil.which("apt-get")):
            missing += PAPER
        else:
            say(f"PDFs of invoices need what Debian calls {' '.join(PAPER)}; the rest works.")
    if not works(ROOT / ".venv" / "bin" / "python") and not can_make_venv(python):
        missing.append("python{}.{}-venv".format(*WANTED))
    if not missing:
        return
    names = " ".join(sorted(missing))
    if os.geteuid() != 0:
        raise Missing(f"These Debian packages are missing: `sudo apt-get install {names}`.")
    if not shutil.which("apt-get"):
        raise Missing(f"Please install what Debian calls {names}; this machine has no apt-get.")
    say(f"installing {names}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", "update"], check=True, env=quiet)
    subprocess.run(
        ["apt-get", "-q", "-y", "--no-install-recommends", "install", *sorted(missing)],
        check=True,
        env=quiet,
    )


def has_paper() -> bool:
    """Whether the libraries that lay out PDFs are there, from whatever package."""
    return all(map(ctypes.util.find_library, ("pangoft2-1.0", "harfbuzz-subset")))


def has_package(name: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status}", name],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout == "installed"


def can_make_venv(python: str) -> bool:
    return (
        subprocess.run(
            [python, "-c", "import ensurepip, venv"], capture_output=True, check=False
        ).returncode
        == 0
    )


def works(program: Path) -> bool:
    """Whether this interpreter starts and is of the wanted version."""
    if not program.exists():
        return False
    asked = subprocess.run(
        [str(program), "-S", "-c", "import sys; print(sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() == str(WANTED)


def install(program: Path, what: str) -> None:
    """Install the locked packages, unless the stamp says that this lock is installed.

    `dev` holds everything that `local` has, from the same lock run.
    """
    stamp = ROOT / ".venv" / "installed"
    lock_file = ROOT / "requirements" / f"{what}.txt"
    installed = stamp.read_text().split() if stamp.exists() else []
    if checksum(lock_file) in installed:
        return
    say(f"installing the packages locked in {lock_file.relative_to(ROOT)}")
    stamp.unlink(missing_ok=True)
    subprocess.run(
        [
            *(str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--requirement", str(lock_file)),
        ],
        check=True,
    )
    covered = ["local", "dev"] if what == "dev" else [what]
    stamp.write_text(
        "\n".join(checksum(ROOT / "requirements" / f"{name}.txt") for name in covered) + "\n"
    )


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock() -> None:
    """Write the lock files anew from `requirements/*.in`, with exact versions and hashes."""
    tools = ROOT / ".venv-lock"
    program = tools / "bin" / "python"
    if not works(program):
        python = find_python()
        subprocess.run([python, "-m", "venv", "--clear", str(tools)], check=True)
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "uv"], check=True)
    for name in ("base", "local", "dev"):
        subprocess.run(
            [
                *(str(tools / "bin" / "uv"), "pip", "compile", "--quiet", "--generate-hashes"),
                *("--no-header", "--python-version", "{}.{}".format(*WANTED)),
                *("--output-file", f"requirements/{name}.txt", f"requirements/{name}.in"),
            ],
            check=True,
            cwd=ROOT,
        )
        say(f"locked requirements/{name}.txt")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
