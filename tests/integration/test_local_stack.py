"""The supervisor of the local stack, on small processes and on the embedded stores."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from commerce.local import leftovers, ports, postgres, proc
from commerce.local.accounts import Account
from commerce.local.errors import StackError
from commerce.local.place import ROOT
from commerce.local.secret_store import kept_in
from commerce.local.spec import ProcessSpec, Restart, Says, Stage
from commerce.local.stack import Stack, outside_services, temporary_run_dir
from commerce.local.steps import Step, carry_out
from commerce.local.supervisor import Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)"
)
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('child', child.pid, 'up', flush=True); time.sleep(600)"
)
QUICK = Restart(first=0.01, longest=0.02)


def spec(name: str, code: str, *, grace: float = 5.0, restart: Restart = QUICK) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        stage=Stage.APPLICATION,
        argv=(sys.executable, "-c", code),
        env={"PATH": os.defpath},
        home=ROOT,
        ready=Says("up"),
        grace=grace,
        patience=20,
        restart=restart,
    )


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with temporary_run_dir("unit") as folder:
        yield folder


class Lines(list[str]):
    """What the supervisor said."""

    def __contains__(self, words: object) -> bool:
        return any(str(words) in line for line in self)


def supervise(run_dir: Path, *specs: ProcessSpec) -> tuple[Supervisor, Lines]:
    said = Lines()
    supervisor = Supervisor(specs=specs, run_dir=run_dir, say=said.append)
    supervisor.launch([one.name for one in specs])
    return supervisor, said


def marked(run_dir: Path) -> list[int]:
    return proc.marked(leftovers.MARK, str(run_dir))


def test_stop_leaves_no_process_behind_not_even_a_grandchild(run_dir: Path) -> None:
    supervisor, _ = supervise(run_dir, spec("one", SLEEPER), spec("two", PARENT))
    supervisor.wait_ready("one")
    supervisor.wait_ready("two")
    assert len(marked(run_dir)) == 3
    supervisor.stop()
    assert marked(run_dir) == []
    assert not (run_dir / "processes.json").exists()


def test_stop_finds_a_child_that_left_the_group(run_dir: Path) -> None:
    code = PARENT.replace("600)'])", "600)'], start_new_session=True)")
    assert code != PARENT
    supervisor, _ = supervise(run_dir, spec("one", code))
    supervisor.wait_ready("one")
    supervisor.stop()
    assert marked(run_dir) == []


def test_a_process_that_ignores_being_asked_is_killed_after_its_grace(run_dir: Path) -> None:
    supervisor, said = supervise(run_dir, spec("stubborn", STUBBORN, grace=0.2))
    supervisor.wait_ready("stubborn")
    supervisor.stop()
    assert marked(run_dir) == []
    assert "stubborn did not stop when asked" in said


def test_a_killed_process_comes_back_as_another_one(run_dir: Path) -> None:
    supervisor, said = supervise(run_dir, spec("one", SLEEPER))
    supervisor.wait_ready("one")
    before = supervisor.pids()["one"]
    supervisor.kill("one", signal.SIGKILL)
    supervisor.wait_ready("one")
    after = supervisor.pids()["one"]
    supervisor.stop()
    assert after != before
    assert "one was killed; it starts again" in said


def test_killing_a_process_takes_its_children_with_it(run_dir: Path) -> None:
    supervisor, _ = supervise(run_dir, spec("one", PARENT))
    supervisor.wait_ready("one")
    before = set(marked(run_dir))
    os.kill(supervisor.pids()["one"], signal.SIGKILL)
    assert proc.wait_until_gone(before, seconds=5) == []
    supervisor.wait_ready("one")
    supervisor.stop()


def test_kills_on_purpose_are_no_crash_loop(run_dir: Path) -> None:
    supervisor, _ = supervise(run_dir, spec("one", SLEEPER, restart=Restart(first=0.01, deaths=2)))
    for _ in range(3):
        supervisor.wait_ready("one")
        supervisor.kill("one", signal.SIGKILL)
    supervisor.wait_ready("one")
    assert supervisor.failure is None
    supervisor.stop()


def test_a_crash_loop_stops_everything_and_shows_the_last_lines(run_dir: Path) -> None:
    broken = spec("broken", "print('no configuration found'); raise SystemExit(3)")
    supervisor, said = supervise(run_dir, spec("other", SLEEPER), broken)
    assert supervisor.wait(20)
    assert supervisor.failure is not None
    assert "broken ended 5 times within 30 s (exit code 3)" in supervisor.failure
    assert "no configuration found" in supervisor.failure
    assert "exit code 3); it starts again" in said
    assert marked(run_dir) == []
    with pytest.raises(StackError, match="no configuration found"):
        supervisor.wait_ready("other")


def test_a_process_that_never_comes_up_is_given_up_early(run_dir: Path) -> None:
    code = "import time; time.sleep(0.1); raise SystemExit('SECRET_KEY is missing')"
    supervisor, _ = supervise(run_dir, spec("slow", code, restart=Restart(deaths=99, first=0.01)))
    with pytest.raises(StackError, match=r"(?s)slow ended each time .*SECRET_KEY is missing"):
        supervisor.wait_ready("slow")
    supervisor.stop()
    assert marked(run_dir) == []


def test_restarts_wait_longer_each_time_up_to_a_bound() -> None:
    restart = Restart(first=0.2, longest=1.0)
    assert [restart.delay(deaths) for deaths in (1, 2, 3, 4, 5)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_the_log_of_a_process_outlives_its_restart(run_dir: Path) -> None:
    supervisor, _ = supervise(run_dir, spec("one", SLEEPER))
    supervisor.wait_ready("one")
    supervisor.kill("one", signal.SIGKILL)
    supervisor.wait_ready("one")
    supervisor.stop()
    assert (run_dir / "logs" / "one.log").read_text() == "up\nup\n"


KILLED_SUPERVISOR = """
import os, sys
from pathlib import Path
from commerce.local.stack import Stack
stack = Stack(Path(sys.argv[1]), durable=False)
stack.start(only={"postgres", "redis"})
os.kill(os.getpid(), 9)
"""


def test_the_start_after_a_killed_supervisor_takes_the_folder_over(run_dir: Path) -> None:
    killed = subprocess.run(
        (sys.executable, "-c", KILLED_SUPERVISOR, str(run_dir)), cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    left = set(json.loads((run_dir / "stack.json").read_text())["pids"].values())
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"postgres", "redis"})
    assert proc.wait_until_gone(left, seconds=0) == []
    assert len(left | set(stack.pids.values())) == 4
    stack.stop()
    assert marked(run_dir) == []


def test_what_an_earlier_run_left_is_found_by_its_start_and_stopped(run_dir: Path) -> None:
    orphan = subprocess.Popen((sys.executable, "-c", PARENT), start_new_session=True)
    identity = proc.identify(orphan.pid)
    assert identity is not None
    while len(proc.in_group(orphan.pid)) < 2:
        time.sleep(0.01)
    leftovers.remember(run_dir, {"orphan": identity})
    group = proc.in_group(orphan.pid)
    assert leftovers.stop(run_dir) == 2
    assert proc.wait_until_gone(group, seconds=1) == []
    orphan.wait()


def test_a_remembered_pid_that_is_another_process_by_now_is_left_alone(run_dir: Path) -> None:
    bystander = subprocess.Popen((sys.executable, "-c", SLEEPER), stdout=subprocess.DEVNULL)
    try:
        identity = proc.identify(bystander.pid)
        assert identity is not None
        reused = proc.Identity(identity.pid, identity.started - 1, identity.boot)
        other_boot = proc.Identity(identity.pid, identity.started, "another boot")
        leftovers.remember(run_dir, {"one": reused, "two": other_boot})
        assert leftovers.stop(run_dir) == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_stores_come_up_keep_their_data_over_a_crash_and_are_gone_after_stop(
    run_dir: Path,
) -> None:
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"postgres", "redis"})
    try:
        info = stack.info
        with psycopg.connect(info.database_url) as connection:
            for name in ("btree_gist", "pg_trgm", "unaccent"):
                connection.execute(f"CREATE EXTENSION {name}".encode())
            connection.execute("CREATE TABLE kept AS SELECT 'été' AS word")
        redis.Redis.from_url(info.redis_url).set("gone", "1")
        stack.kill("postgres")
        stack.kill("redis")
        stack.wait_ready("postgres")
        stack.wait_ready("redis")
        with psycopg.connect(info.database_url) as connection:
            assert connection.execute("SELECT upper(word) FROM kept").fetchone() == ("ÉTÉ",)
        assert redis.Redis.from_url(info.redis_url).get("gone") is None
        stored = json.loads((run_dir / "stack.json").read_text())
        assert stored["database_url"] == info.database_url
        assert stored["pids"].keys() == {"postgres", "redis"}
    finally:
        stack.stop()
    assert marked(run_dir) == []
    assert proc.working_in(run_dir / "postgres" / "data") == []


def test_a_second_start_continues_with_the_same_data_and_ports(run_dir: Path) -> None:
    with_stores = {"postgres", "redis"}
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only=with_stores)
    first = stack.info
    with psycopg.connect(first.database_url) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
    stack.stop()
    stack.start(only=with_stores)
    with psycopg.connect(stack.info.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert stack.info == first
    stack.stop()


def test_a_folder_has_one_supervisor_at_a_time(run_dir: Path) -> None:
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.prepare()
    with pytest.raises(StackError, match="already runs in"):
        Stack(run_dir, durable=False).prepare()
    stack.stop()


def test_nothing_private_can_be_read_by_others(run_dir: Path) -> None:
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"redis"})
    stack.stop()
    for name in ("secrets.json", "stack.json", "redis/redis.conf"):
        assert stat.S_IMODE((run_dir / name).stat().st_mode) == 0o600, name


def test_the_servers_listen_on_loopback_only(run_dir: Path) -> None:
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"postgres", "redis"})
    place = stack.prepare()
    wanted = {place.ports["postgres"], place.ports["redis"]}
    listening = {(address, port) for address, port in listeners() if port in wanted}
    stack.stop()
    assert listening == {("0100007F", port) for port in wanted}


def listeners() -> Iterator[tuple[str, int]]:
    """Address (as the kernel writes it: hexadecimal, 127.0.0.1 is 0100007F) and port of each."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A":
                address, _, port = local.rpartition(":")
                yield address, int(port, 16)


def test_a_wanted_port_that_is_taken_is_refused_with_a_sentence(run_dir: Path) -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {taken} for web is in use"):
            Stack(run_dir, port=taken, durable=False).prepare()


def test_secrets_are_drawn_once(run_dir: Path) -> None:
    first = kept_in(run_dir / "secrets.json")
    assert kept_in(run_dir / "secrets.json") == first
    assert first.stripe_api_key.startswith("sk_test_")


def test_an_outside_database_replaces_the_embedded_one_only() -> None:
    given = {"DATABASE_URL": "postgresql://db/shop", "PATH": "/bin", "REDIS_URL": ""}
    assert outside_services(given) == {"DATABASE_URL": "postgresql://db/shop"}


def test_a_step_is_done_once_until_its_database_is_another(run_dir: Path) -> None:
    ran: list[tuple[str, ...]] = []

    def run(*command: str) -> str:
        ran.append(command)
        return ""

    def step(database: str) -> Step:
        return Step(
            name="migrate",
            command=("migrate",),
            sources=("migrations/*.py",),
            done=run_dir / "steps.json",
            identity=database,
        )

    done = [
        carry_out(step(database), run=run, say=lambda _: None) for database in ("a", "a", "b", "b")
    ]
    assert done == [True, False, True, False]
    assert ran == [("migrate",), ("migrate",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_folder_that_the_database_user_cannot_enter_is_left_as_it_is(run_dir: Path) -> None:
    run_dir.chmod(0o700)
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"postgres"})
    data = postgres.data_folder(run_dir)
    owner = data.stat().st_uid
    running = proc.working_in(data)
    stack.stop()
    assert len(running) > 1
    assert owner != 0
    assert not data.is_relative_to(run_dir)
    assert stat.S_IMODE(run_dir.stat().st_mode) == 0o700
    postgres.remove(run_dir)
    assert not data.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_programs_that_the_database_user_cannot_read_are_copied_for_it(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SHARED", run_dir / "shared")
    monkeypatch.setattr(Account, "can_run", lambda *_: False)
    stack = Stack(run_dir, durable=False, say=lambda _: None)
    stack.start(only={"postgres"})
    program = Path(f"/proc/{stack.pids['postgres']}/exe").readlink()
    stack.stop()
    assert program.is_relative_to(run_dir / "shared")


def test_an_account_can_enter_only_where_every_folder_lets_it(run_dir: Path) -> None:
    stranger = Account(name="stranger", uid=65_000, gid=65_000)
    closed, within = run_dir / "closed", run_dir / "closed" / "within"
    within.mkdir(parents=True)
    run_dir.chmod(0o711)
    closed.chmod(0o755)
    assert stranger.can_enter(within)
    closed.chmod(0o700)
    assert not stranger.can_enter(within)
