"""Whether the process lives, and whether it can serve."""

from collections.abc import Callable

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from commerce.web.policy import Policy, policy

_migrated: list[bool] = []


@policy(Policy.PUBLIC)
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up."""
    return JsonResponse({"status": "ok"})


@policy(Policy.PUBLIC)
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, migrations, broker: 200 if all are there, else 503; says which is missing."""
    checks = {name: _passes(check) for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


def register_check(name: str, check: Callable[[], None]) -> None:
    """Let readiness depend on `check`, which raises when something is missing."""
    CHECKS[name] = check


def _passes(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:
        return type(error).__name__
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    """Looked up until they are complete; then this process knows."""
    if _migrated:
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("migrations are missing")
    _migrated.append(True)


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
}
