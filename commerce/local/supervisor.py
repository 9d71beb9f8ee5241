"""Starts processes in groups of their own, restarts what dies, and leaves nothing behind.

One thread launches, watches and reaps all of them. It must be one that lives as long as they do:
Linux sends the parent-death signal when the *thread* that forked ends, not the process.
"""

import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from commerce.local import leftovers, proc
from commerce.local.errors import StackError
from commerce.local.files import tail
from commerce.local.proc import Identity
from commerce.local.spec import ProcessSpec, Stage

_CHILD = Path(__file__).with_name("child.py")
_LOG_LIMIT = 10_000_000
# A process that dies so often before it is ready even once will not come up.
_TRIES = 3
_FATAL = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

T = TypeVar("T")


@dataclass(slots=True)
class _Running:
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    identity: Identity
    pidfd: int
    log_start: int


@dataclass(slots=True)
class _History:
    """What is remembered of a process over its restarts. `launches` counts up with each start."""

    deaths: list[float] = field(default_factory=list)
    deaths_ever: int = 0
    launches: int = 0
    restart_at: float | None = None
    killed_on_purpose: bool = False


class Supervisor:
    """Runs the processes of `specs`; every public method may be called from any thread."""

    def __init__(
        self, *, specs: Iterable[ProcessSpec], run_dir: Path, say: Callable[[str], None]
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._run_dir = run_dir
        self._say = say
        self._running: dict[str, _Running] = {}
        self._history = {name: _History() for name in self._specs}
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self._changed = threading.Condition()
        self._failure: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why the supervisor gave up and stopped everything; None while it has not."""
        return self._failure

    def log(self, name: str) -> Path:
        return self._run_dir / "logs" / f"{name}.log"

    def launch(self, names: Iterable[str]) -> None:
        """Start these processes without waiting until they are ready."""
        for name in names:
            self._do(partial(self._launch, self._specs[name]))

    def wait_ready(self, name: str) -> None:
        """Wait until `name` runs and its probe answers.

        Raises:
            StackError: it did not come up within its patience, or a crash loop stopped the stack.
        """
        spec, history = self._specs[name], self._history[name]
        deadline = time.monotonic() + spec.patience
        hopeless = history.deaths_ever + _TRIES
        pause = 0.05
        while time.monotonic() < deadline and history.deaths_ever < hopeless:
            if self._failure:
                raise StackError(self._failure)
            running = self._running.get(name)
            if running and spec.ready.answers(lambda: self._log_of(name)):
                return
            with self._changed:
                self._changed.wait(timeout=pause)
            pause = min(pause * 1.3, 0.5)
        slow = f"{name} was not ready after {spec.patience:.0f} s"
        why = slow if history.deaths_ever < hopeless else f"{name} ended each time it was started"
        raise StackError(f"{why}; its last lines:\n{tail(self.log(name))}")

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the group of `name`; a fatal one is waited for until it has worked.

        It is restarted like after any death, but it does not count towards a crash loop.
        """
        launches = self._do(lambda: self._kill(name, number))
        if number not in _FATAL:
            return
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._failure is not None
                    or name not in self._running
                    or self._history[name].launches > launches
                ),
                timeout=self._specs[name].grace + 5,
            )

    def pids(self) -> dict[str, int]:
        return {name: one.identity.pid for name, one in list(self._running.items())}

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until everything was stopped; False if it still runs after `seconds`."""
        return self._over.wait(seconds)

    def stop(self) -> None:
        """Stop every process, the application first and the stores last. May be called twice."""
        if not self._over.is_set():
            self._do(self._stop_all)
        self._thread.join()

    def _do(self, act: Callable[[], T]) -> T:
        """Let the supervisor's thread do `act` and hand back what it returned or raised."""
        if threading.current_thread() is self._thread:
            return act()
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(act())
            except BaseException as error:
                future.set_exception(error)

        with self._changed:
            if self._over.is_set():
                raise StackError(self._failure or "The stack was stopped.")
            self._jobs.put(job)
            os.eventfd_write(self._wake, 1)
        return future.result()

    def _log_of(self, name: str) -> str:
        running = self._running.get(name)
        if running is None:
            return ""
        with self.log(name).open("rb") as source:
            source.seek(running.log_start)
            return source.read().decode(errors="replace")

    # What follows runs in the supervisor's thread only.

    def _work(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(self._next_restart()):
                if key.data is None:
                    os.eventfd_read(self._wake)
                else:
                    self._died(key.data)
            self._restart_due()
            while not self._jobs.empty():
                self._jobs.get()()
        self._selector.close()
        os.close(self._wake)

    def _next_restart(self) -> float | None:
        due = [one.restart_at for one in self._history.values() if one.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _launch(self, spec: ProcessSpec) -> None:
        if spec.name in self._running:
            return
        if self._over.is_set():
            raise StackError(self._failure or "The stack was stopped.")
        log = self.log(spec.name)
        _rotate(log)
        account = spec.account
        wrapper = (
            *(sys.executable, "-I", "-S", str(_CHILD)),
            *(str(os.getpid()), str(int(spec.stop))),
            *(f"{account.uid}:{account.gid}" if account else "-", "--"),
        )
        with log.open("ab") as output:
            start = output.tell()
            process = subprocess.Popen(
                (*wrapper, *spec.argv),
                cwd=spec.home,
                env={**spec.env, leftovers.MARK: str(self._run_dir)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        identity = proc.identify(process.pid) or Identity(process.pid, 0, "")
        running = _Running(spec, process, identity, os.pidfd_open(process.pid), start)
        self._selector.register(running.pidfd, selectors.EVENT_READ, spec.name)
        history = self._history[spec.name]
        history.restart_at = None
        history.launches += 1
        self._set_running(spec.name, running)

    def _set_running(self, name: str, running: _Running | None) -> None:
        with self._changed:
            if running:
                self._running[name] = running
            else:
                del self._running[name]
            leftovers.remember(
                self._run_dir, {one: it.identity for one, it in self._running.items()}
            )
            self._changed.notify_all()

    def _died(self, name: str) -> None:
        running = self._running.get(name)
        if running is None:
            return
        code = self._reap(running)
        history, restart = self._history[name], running.spec.restart
        if history.killed_on_purpose:
            history.killed_on_purpose = False
            history.restart_at = time.monotonic() + restart.first
            self._say(f"{name} was killed; it starts again")
            return
        now = time.monotonic()
        history.deaths_ever += 1
        history.deaths = [at for at in history.deaths if now - at < restart.within] + [now]
        if len(history.deaths) >= restart.deaths:
            times = f"{restart.deaths} times within {restart.within:.0f} s"
            self._give_up(name, why=f"{name} ended {times} ({_how(code)})")
            return
        delay = restart.delay(len(history.deaths))
        history.restart_at = now + delay
        self._say(f"{name} ended by itself ({_how(code)}); it starts again in {delay:.1f} s")

    def _reap(self, running: _Running) -> int:
        """Take note of a death and clear away what the dead process leaves."""
        self._selector.unregister(running.pidfd)
        os.close(running.pidfd)
        code = running.process.wait()
        _clear(running)
        self._set_running(running.spec.name, None)
        return code

    def _restart_due(self) -> None:
        now = time.monotonic()
        for name, history in self._history.items():
            if history.restart_at is not None and history.restart_at <= now:
                try:
                    self._launch(self._specs[name])
                except OSError as error:
                    self._give_up(name, why=f"{name} can't be started again: {error}")
                    return

    def _kill(self, name: str, number: signal.Signals) -> int:
        running = self._running.get(name)
        if running is None:
            raise StackError(f"{name} is not running.")
        history = self._history[name]
        history.killed_on_purpose = number in _FATAL
        os.killpg(running.identity.pid, number)
        return history.launches

    def _give_up(self, name: str, *, why: str) -> None:
        failure = f"{why}, so everything is stopped; its last lines:\n{tail(self.log(name))}"
        self._say(failure)
        self._failure = failure
        self._stop_all()

    def _stop_all(self) -> None:
        for history in self._history.values():
            history.restart_at = None
        for stage in sorted(Stage, reverse=True):
            self._stop_stage([one for one in self._running.values() if one.spec.stage is stage])
        # What left its group on the way is still known by its mark.
        leftovers.stop(self._run_dir)
        leftovers.forget(self._run_dir)
        with self._changed:
            self._over.set()
            self._changed.notify_all()

    def _stop_stage(self, stage: Collection[_Running]) -> None:
        for running in stage:
            os.kill(running.identity.pid, running.spec.stop)
            os.kill(running.identity.pid, signal.SIGCONT)
        asked_at = time.monotonic()
        for running in stage:
            left = asked_at + running.spec.grace - time.monotonic()
            try:
                running.process.wait(timeout=max(0.0, left))
            except subprocess.TimeoutExpired:
                self._say(f"{running.spec.name} did not stop when asked and is killed")
                os.killpg(running.identity.pid, signal.SIGKILL)
            self._reap(running)


def _clear(running: _Running) -> None:
    """Leave no process of the group, nor of a home that is the process's own.

    Members of the group are killed at once. PostgreSQL's backends notice the death by themselves;
    only those that do not are killed.
    """
    group = proc.in_group(running.identity.pid)
    proc.signal_each(group, signal.SIGKILL)
    proc.wait_until_gone(group, seconds=5)
    if running.spec.home_is_own:
        left = proc.wait_until_gone(proc.working_in(running.spec.home), seconds=5)
        proc.signal_each(left, signal.SIGKILL)
        proc.wait_until_gone(left, seconds=5)


def _rotate(log: Path) -> None:
    """Keep one older log once it has grown large."""
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
