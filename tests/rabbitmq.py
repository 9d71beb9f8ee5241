"""RabbitMQ for one test: unpacked from Debian's packages into a folder, bound to loopback.

Nothing is installed. Where the program is on the machine that one is started.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kombu.connection import Connection

PATIENCE = 60.0
_SERVER = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
_ERLANG = "usr/lib/erlang"


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The address of a broker whose files are all in `folder`; skips the test where there is none
    to be had, but never where CI is set."""
    root = _root(folder)
    if root is None:
        sentence = "RabbitMQ is not installed, and can't be had from apt here: that takes root."
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    port, distribution, mapper = _free_ports(3)
    env = _environment(root, folder, port=port, distribution=distribution, mapper=mapper)
    epmd = next(root.glob(f"{_ERLANG}/erts-*/bin/epmd"))
    server = next(root.glob(_SERVER))
    with (
        _running((str(epmd), "-address", "127.0.0.1", "-port", str(mapper)), env, folder / "epmd"),
        _running((str(server),), env, folder / "rabbitmq"),
    ):
        address = f"amqp://guest:guest@127.0.0.1:{port}//"
        _wait_for(address, log=folder / "rabbitmq.log")
        yield address


def _root(folder: Path) -> Path | None:
    """Below which Debian's files of RabbitMQ and Erlang lie."""
    if next(Path("/").glob(_SERVER), None):
        return Path("/")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    packages, root = folder / "packages", folder / "root"
    (packages / "partial").mkdir(parents=True)
    fetched = subprocess.run(
        (
            *("apt-get", "install", "-y", "-qq", "--no-install-recommends", "--download-only"),
            *("-o", f"Dir::Cache::archives={packages}", "rabbitmq-server"),
        ),
        check=False,
        capture_output=True,
    )
    if fetched.returncode:
        return None
    for package in sorted(packages.glob("*.deb")):
        subprocess.run(("dpkg", "-x", str(package), str(root)), check=True)
    # Debian's start scripts of Erlang know one place only.
    for script in (*root.glob(f"{_ERLANG}/bin/erl"), *root.glob(f"{_ERLANG}/erts-*/bin/erl")):
        if not script.is_symlink():
            script.write_text(script.read_text().replace("/usr/lib/erlang", f"{root}/{_ERLANG}"))
    return root


def _environment(
    root: Path, folder: Path, *, port: int, distribution: int, mapper: int
) -> Mapping[str, str]:
    state = folder / "state"
    state.mkdir()
    return {
        "PATH": f"{root / _ERLANG / 'bin'}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(root / f"usr/lib/{platform.machine()}-linux-gnu"),
        "HOME": str(state),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"test-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(state / "mnesia"),
        "RABBITMQ_LOG_BASE": str(state / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(state / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(state / "plugins"),
        "RABBITMQ_PID_FILE": str(state / "pid"),
    }


@contextmanager
def _running(argv: tuple[str, ...], env: Mapping[str, str], log: Path) -> Iterator[None]:
    """With all that it starts, in a group of its own."""
    with log.with_suffix(".log").open("wb") as output:
        process = subprocess.Popen(
            argv, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, *, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with Connection(address, connect_timeout=1) as connection:  # type: ignore[no-untyped-call]
                connection.connect()
                return
        except OSError:
            if time.monotonic() > until:
                pytest.fail(f"RabbitMQ did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
