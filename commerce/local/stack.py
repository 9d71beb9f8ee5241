"""One whole Faisceau on this machine: stores, the outside world in small, application."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from commerce.local import leftovers, postgres, redis_server, snapshot
from commerce.local.errors import StackError
from commerce.local.files import read_json, write_json
from commerce.local.place import OUTSIDE, PORTS, ROOT, Place
from commerce.local.ports import choose
from commerce.local.secret_store import kept_in
from commerce.local.spec import ProcessSpec, Stage
from commerce.local.steps import CREDENTIALS, Step, carry_out, migrations, sources_digest, steps
from commerce.local.supervisor import Supervisor
from commerce.local.table import process_table

INFO_FILE = "stack.json"
_PORTS_FILE = "ports.json"


@dataclass(frozen=True, slots=True)
class StackInfo:
    """Where everything is. `credentials` are the demo logins and API clients, as `load_demo` wrote
    them."""

    web_url: str
    payments_url: str
    providers_url: str
    merchant_url: str
    database_url: str
    redis_url: str
    credentials: Mapping[str, Any] = field(default_factory=dict)


def to_stdout(line: str) -> None:
    print(line, flush=True)


class Stack:
    """A stack whose state lives in `run_dir`; use it as a context manager or start and stop it.

    `port` fixes the port of the web server. Without `durable` the database does not wait for the
    disk: right for what is thrown away. `outside` names outside services to use in place of the
    embedded ones (DATABASE_URL, REDIS_URL, STRIPE_*, PROVIDERS_*).
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        port: int | None = None,
        settings: str = "commerce.settings.development",
        durable: bool = True,
        extra_env: Mapping[str, str] | None = None,
        outside: Mapping[str, str] | None = None,
        say: Callable[[str], None] = to_stdout,
    ) -> None:
        self.run_dir = run_dir.absolute()
        self._port = port
        self._settings = settings
        self._durable = durable
        self._extra_env = dict(extra_env or {})
        self._outside = dict(outside or {})
        self._say_to = say
        self._lock: IO[str] | None = None
        self._place: Place | None = None
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def prepare(self) -> Place:
        """Take the folder, clear leftovers, choose ports and secrets; nothing starts.

        Raises:
            StackError: another supervisor has the folder, or a wanted port is taken.
        """
        if self._place:
            return self._place
        make_run_dir(self.run_dir)
        self._lock = _locked(self.run_dir)
        try:
            self._place = self._prepared()
        except BaseException:
            self._release()
            raise
        return self._place

    def start(self, only: Collection[str] | None = None) -> None:
        """Start all processes, or `only` the named ones, and wait until each is ready.

        Raises:
            StackError: something did not come up; everything is stopped again.
        """
        place = self.prepare()
        table = process_table(place)
        wanted = [spec for spec in table if only is None or spec.name in only]
        self._supervisor = Supervisor(specs=table, run_dir=self.run_dir, say=self._say)
        try:
            self._bring_up(place, wanted)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every process and give the folder back. May be called twice."""
        if self._supervisor:
            self._supervisor.stop()
            self._supervisor = None
        self._place = None
        self._release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the supervisor gave up; False if all still runs after `seconds`."""
        return self._running().wait(seconds)

    @property
    def failure(self) -> str | None:
        """Why the supervisor gave up; None while it has not."""
        return self._supervisor.failure if self._supervisor else None

    @property
    def env(self) -> dict[str, str]:
        """The environment to run commands in, beside the stack's own processes."""
        return self.prepare().env

    @property
    def info(self) -> StackInfo:
        place = self.prepare()
        env = place.env
        return StackInfo(
            web_url=env["PUBLIC_URL"],
            payments_url=env.get("STRIPE_API_BASE", ""),
            providers_url=env["PROVIDERS_URL"],
            merchant_url=env["MERCHANT_URL"],
            database_url=env["DATABASE_URL"],
            redis_url=env["REDIS_URL"],
            credentials=read_json(self.run_dir / CREDENTIALS),
        )

    @property
    def pids(self) -> dict[str, int]:
        return self._running().pids()

    def migrate(self) -> None:
        """Bring the database's schema up to date; `start` does it before the application starts."""
        step = steps(run_dir=self.run_dir, database=self.prepare().database_url)[0]
        carry_out(step, run=partial(self._migrate, step), say=self._say)

    def launch(self, name: str) -> None:
        """Start one more process of the table and wait until it is ready."""
        self._running().launch([name])
        self.wait_ready(name)

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send `sig` to the process group of `name`; the supervisor starts it again if it dies."""
        self._running().kill(name, sig)

    def wait_ready(self, name: str) -> None:
        self._running().wait_ready(name)
        self._publish()

    def logs(self, name: str) -> str:
        """Everything in the current log of `name`."""
        path = self.run_dir / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def manage(self, *args: str) -> str:
        """Run `manage.py` with these arguments in the stack's environment; what it printed.

        Raises:
            StackError: it failed; the message ends with its last lines.
        """
        done = subprocess.run(
            (sys.executable, "manage.py", *args),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise StackError(f"`manage.py {args[0]}` failed:\n{last}")
        return done.stdout

    def _prepared(self) -> Place:
        run_dir = self.run_dir
        stopped = leftovers.stop(run_dir, homes=(postgres.data_folder(run_dir),))
        if stopped:
            self._say(f"stopped {stopped} processes that an earlier run left behind")
        secrets = kept_in(run_dir / "secrets.json")
        ports = choose(
            PORTS,
            remembered=read_json(run_dir / _PORTS_FILE),
            fixed={"web": self._port} if self._port else {},
        )
        write_json(run_dir / _PORTS_FILE, ports)
        cluster = None
        if "DATABASE_URL" not in self._outside:
            cluster = postgres.cluster_for(
                run_dir=run_dir, port=ports["postgres"], durable=self._durable
            )
        redis_server.configure(
            home=run_dir / "redis", port=ports["redis"], password=secrets.redis_password
        )
        (run_dir / "sandbox").mkdir(mode=0o700, exist_ok=True)
        return Place(
            run_dir=run_dir,
            ports=ports,
            secrets=secrets,
            cluster=cluster,
            settings=self._settings,
            outside=self._outside,
            extra_env=self._extra_env,
        )

    def _bring_up(self, place: Place, wanted: list[ProcessSpec]) -> None:
        supervisor = self._running()
        began = time.monotonic()
        if place.cluster and any(spec.name == "postgres" for spec in wanted):
            postgres.make_ready(place.cluster, place.secrets)
        early = [spec.name for spec in wanted if spec.stage is not Stage.APPLICATION]
        late = [spec.name for spec in wanted if spec.stage is Stage.APPLICATION]
        supervisor.launch(early)
        for name in early:
            supervisor.wait_ready(name)
        if place.cluster and "postgres" in early:
            postgres.ensure_database(place.cluster, place.secrets)
        if late:
            self._carry_out_steps(place)
        supervisor.launch(late)
        for name in late:
            supervisor.wait_ready(name)
        self._publish()
        self._say(f"{len(wanted)} processes ready after {time.monotonic() - began:.1f} s")

    def _carry_out_steps(self, place: Place) -> None:
        for step in steps(run_dir=self.run_dir, database=place.database_url):
            run = partial(self._migrate, step) if step.name == "migrate" else self.manage
            carry_out(step, run=run, say=self._say)

    def _migrate(self, step: Step, *command: str) -> None:
        """Migrate; an empty database that will be thrown away is filled from a snapshot instead."""
        place = self.prepare()
        url, cluster = place.database_url, place.cluster
        if cluster is None or self._durable or not snapshot.is_empty(url):
            self.manage(*command)
            return
        digest, made_of, binaries = sources_digest(step), migrations(), cluster.binaries
        if not snapshot.restore(url=url, digest=digest, sources=made_of, binaries=binaries):
            self.manage(*command)
            snapshot.keep(url=url, digest=digest, sources=made_of, binaries=binaries)

    def _publish(self) -> None:
        """Write what a reader needs to use the running stack; it holds secrets, so only for us."""
        place = self.prepare()
        own = {name: value for name, value in place.env.items() if os.environ.get(name) != value}
        write_json(
            self.run_dir / INFO_FILE,
            {
                **asdict(self.info),
                "ports": dict(place.ports),
                "env": own,
                "pids": self.pids,
                "supervisor": os.getpid(),
            },
        )

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise StackError("The stack is not running: start it first.")
        return self._supervisor

    def _release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def _say(self, line: str) -> None:
        self._say_to(line)
        folder = self.run_dir / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / "supervisor.log").open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")


def make_run_dir(path: Path) -> None:
    """Make a stack's folder: its files are private, but the database's user may pass."""
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)


@contextmanager
def temporary_run_dir(kind: str) -> Iterator[Path]:
    """A folder for a stack that is thrown away, removed at the end."""
    with tempfile.TemporaryDirectory(
        prefix=f"faisceau-{kind}-", ignore_cleanup_errors=True
    ) as name:
        path = Path(name)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        try:
            yield path
        finally:
            postgres.remove(path)


def outside_services(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that name outside services, with those that go with them."""
    chosen = {name: environ[name] for name in OUTSIDE if environ.get(name)}
    if "STRIPE_API_KEY" in chosen:
        chosen |= _given(environ, "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE")
    if "PROVIDERS_URL" in chosen:
        chosen |= _given(environ, "PROVIDERS_API_KEY", "PROVIDERS_CALLBACK_SECRET")
    return chosen


def _given(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: environ[name] for name in names if environ.get(name)}


def _locked(run_dir: Path) -> IO[str]:
    """The folder's lock, held as long as the file is open; our children don't inherit it."""
    lock = (run_dir / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        running = read_json(run_dir / INFO_FILE)
        where = f" at {running['web_url']}" if "web_url" in running else ""
        raise StackError(
            f"Faisceau already runs in {run_dir}{where}: stop it first, or set RUN_DIR to another "
            "folder."
        ) from None
    return lock
