"""What must be done before the application starts, and is skipped while nothing changed."""

import fcntl
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from commerce.local.files import read_json, write_json
from commerce.local.place import ROOT, STATIC

_FIRST_PARTY = ("commerce", "catalogue", "subscriptions", "promotions", "orchestration", "frontend")
_MIGRATIONS = "migrations/*.py"
_LOCK = "requirements/base.txt"
_TEXTS = ROOT / "frontend/locale/fr/LC_MESSAGES/django.mo"
CREDENTIALS = "demo.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One `manage.py` command; a change of a file that `sources` match calls for it again.

    `done` is the file that keeps the digest of the sources as they were when it last succeeded;
    `identity` what else it belongs to (another database asks for it again); `needs` a file
    without which it was not done, whatever `done` says.
    """

    name: str
    command: tuple[str, ...]
    sources: tuple[str, ...]
    done: Path
    identity: str = ""
    needs: Path | None = None


def steps(*, run_dir: Path, database: str) -> tuple[Step, ...]:
    """The steps in their order. `database` names the database that they work on."""
    done = run_dir / "steps.json"
    credentials = run_dir / CREDENTIALS
    return (
        Step(
            name="migrate",
            command=("migrate", "--skip-checks", "--no-input", "--verbosity", "0"),
            sources=(_MIGRATIONS, "settings/*.py"),
            done=done,
            identity=database,
        ),
        Step(
            name="collectstatic",
            command=("collectstatic", "--no-input", "--verbosity", "0"),
            sources=("static/**/*", "settings/*.py"),
            done=STATIC / "collected.json",
        ),
        Step(
            name="texts",
            command=("texts", "--compile"),
            sources=("locale/**/*.po",),
            done=STATIC / "texts.json",
            needs=_TEXTS,
        ),
        Step(
            name="load_demo",
            command=("load_demo", "--json", str(credentials)),
            sources=("**/*.py", "**/*.yaml", "**/*.json", "**/*.csv"),
            done=done,
            identity=database,
            needs=credentials,
        ),
    )


def carry_out(step: Step, *, run: Callable[..., object], say: Callable[[str], None]) -> bool:
    """Run `step` unless it was done with the same sources; False if there was nothing to do.

    Stacks that start at the same time and share the result do it one after the other.
    """
    step.done.parent.mkdir(parents=True, exist_ok=True)
    with step.done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = digest_of(step)
        if read_json(step.done).get(step.name) == digest and _there(step.needs):
            return False
        say(f"{step.name} ...")
        run(*step.command)
        write_json(step.done, {**read_json(step.done), step.name: digest})
    return True


def digest_of(step: Step) -> str:
    """What `step` depends on: the database that it works on and its sources."""
    return hashlib.sha256(f"{step.identity} {sources_digest(step)}".encode()).hexdigest()


def sources_digest(step: Step) -> str:
    """The step's sources alone: equal for every database."""
    digest = hashlib.sha256()
    digest.update((ROOT / _LOCK).read_bytes())
    for path in sorted(set(_files(step.sources))):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def migrations() -> dict[str, str]:
    """What a migrated database is made of: the locked packages and our migrations, as digests."""
    paths = [ROOT / _LOCK, *_files((_MIGRATIONS,))]
    return {
        str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def _files(sources: Iterable[str]) -> Iterator[Path]:
    for folder in _FIRST_PARTY:
        for source in sources:
            for pattern in (source, f"**/{source}"):
                yield from (path for path in (ROOT / folder).glob(pattern) if path.is_file())


def _there(path: Path | None) -> bool:
    return path is None or path.exists()
