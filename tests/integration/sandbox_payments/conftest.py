"""One sandbox and one receiver of webhooks for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.integration.sandbox_payments.harness import PaymentSandbox
from tests.integration.sandbox_providers.harness import Receiver


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaymentSandbox]:
    receiver = Receiver()
    running = PaymentSandbox(tmp_path_factory.mktemp("payments"), receiver)
    yield running
    running.kill()
    receiver.stop()


@pytest.fixture(autouse=True)
def _no_faults_left(sandbox: PaymentSandbox) -> Iterator[None]:
    yield
    sandbox.control("DELETE", "faults")
    sandbox.receiver.failures = 0
