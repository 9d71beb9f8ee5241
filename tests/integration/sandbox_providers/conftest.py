"""One sandbox for most tests, told apart by their references; faults never outlive a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sandbox_providers.harness import Receiver, Sandbox


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="package")
def shared_sandbox(
    receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("providers")
    sandbox = Sandbox(folder, callback_url=receiver.url, pace="instant")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """In the tempo `instant`."""
    yield shared_sandbox
    shared_sandbox.http.delete("/_control/faults")


@pytest.fixture
def slow_sandbox(receiver: Receiver, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of its own in the tempo of the real world, moved by its clock."""
    sandbox = Sandbox(tmp_path, callback_url=receiver.url, pace="business")
    yield sandbox
    sandbox.stop()
