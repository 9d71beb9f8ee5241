"""The rules of the house that the import contracts can't say: which door leads where."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from commerce.local.place import ROOT

PACKAGES = ("commerce", "catalogue", "promotions", "subscriptions", "orchestration", "frontend")
APART = ("commerce/sandbox/", "commerce/local/")
"""The simulated outside world and the supervisor: programs of their own, on machine time."""

DOORS = {
    "stripe": ("commerce/payments/stripe_gateway.py",),
    "celery": ("commerce/celery.py", "commerce/worker_pool.py", "/tasks.py"),
    "rest_framework": ("/api/", "commerce/web/"),
    "drf_spectacular": ("/api/", "commerce/web/", "commerce/urls.py"),
    "oauth2_provider": (
        *("commerce/web/authentication.py", "commerce/urls.py"),
        "commerce/accounts/services/organisations.py",
    ),
    "oscar": (
        *("commerce/settings/base.py", "commerce/oscar_overrides.py", "catalogue/oscar_bridge/"),
        *("catalogue/services/mirror.py", "catalogue/services/stock.py", "catalogue/selectors.py"),
        *("catalogue/services/stock_import.py", "catalogue/shelves.py"),
    ),
    "redis": ("commerce/web/health.py",),
    "httpx": (
        *("commerce/notifications/adapters/", "orchestration/adapters/"),
        *("commerce/events/business_clock.py", "commerce/events/webhooks/"),
    ),
}
"""A library and the only places that import it."""

PURE_LIBRARIES = {"holidays", "stdnum"}
NO_CLOCK = {"now", "today", "utcnow"}


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of ours but migrations, by path."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    }


def product() -> Iterator[tuple[str, ast.Module]]:
    return ((path, tree) for path, tree in sources().items() if not path.startswith(APART))


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def is_core(path: str) -> bool:
    return "/domain/" in path or path.startswith(("commerce/kernel/", "commerce/markets/"))


def test_there_is_something_to_look_at() -> None:
    assert len(sources()) > 200
    assert sum(is_core(path) for path in sources()) > 30


@pytest.mark.parametrize("library", DOORS)
def test_a_library_is_imported_behind_its_doors_only(library: str) -> None:
    others = [
        f"{path}:{line}"
        for path, tree in product()
        for name, line in imported(tree)
        if name.split(".")[0] == library and not any(door in path for door in DOORS[library])
    ]
    assert others == []


def test_the_core_imports_the_core_alone() -> None:
    def allowed(name: str) -> bool:
        top = name.split(".")[0]
        if top in PACKAGES:
            return ".domain." in f"{name}." or name.startswith(
                ("commerce.kernel", "commerce.markets")
            )
        return top in sys.stdlib_module_names or top in PURE_LIBRARIES

    foreign = [
        f"{path}:{line}: {name}"
        for path, tree in sources().items()
        if is_core(path)
        for name, line in imported(tree)
        if not allowed(name)
    ]
    assert foreign == []


def test_no_import_of_ours_hides_in_a_function() -> None:
    hidden = [
        f"{path}:{line}: {name}"
        for path, tree in product()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for name, line in imported(function)
        if name.split(".")[0] in PACKAGES
    ]
    assert hidden == []


def test_packages_are_empty_at_their_door() -> None:
    full = [path for path in sources() if path.endswith("__init__.py") and _text(path)]
    assert full == []


def test_time_is_read_from_the_clock_alone() -> None:
    """Business time and machine time both come from `commerce.kernel.clock`."""
    reads = [
        f"{path}:{node.lineno}: {ast.unparse(node.func)}"
        for path, tree in product()
        if path != "commerce/kernel/clock.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in NO_CLOCK
        and ast.unparse(node.func.value) in {"datetime", "date", "timezone", "datetime.datetime"}
    ]
    assert reads == []


def test_no_field_takes_its_time_by_itself() -> None:
    found = [
        f"{path}:{node.value.lineno}: {node.arg}"
        for path, tree in product()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in {"auto_now", "auto_now_add"}
    ]
    assert found == []


def test_the_core_reckons_without_floats() -> None:
    """Money is exact. Orchestration is left out: it reckons in seconds, not in money."""
    floats = [
        f"{path}:{node.lineno}"
        for path, tree in sources().items()
        if is_core(path) and not path.startswith("orchestration/")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "float")
    ]
    assert floats == []


def test_nothing_happens_behind_the_back_of_a_service() -> None:
    """No signals of ours and no `save()` of ours; a model is written by a service."""
    found = [
        f"{path}:{node.lineno}"
        for path, tree in product()
        if path != "commerce/celery.py"
        for node in ast.walk(tree)
        if (isinstance(node, ast.FunctionDef) and node.name == "save")
        or (isinstance(node, ast.FunctionDef) and any(map(_is_signal, node.decorator_list)))
    ]
    assert found == []


def _is_signal(decorator: ast.expr) -> bool:
    text = ast.unparse(decorator)
    return text.startswith("receiver") or text.endswith(".connect")


def _text(path: str) -> str:
    return Path(ROOT / path).read_text(encoding="utf-8").strip()
