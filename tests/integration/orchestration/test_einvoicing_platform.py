"""Electronic invoices and reports at the simulated platform, over HTTP."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Unknown
from commerce.kernel.money import Money
from orchestration.adapters import client
from subscriptions.einvoicing.services import einvoicing, sales_reports
from subscriptions.invoicing.facturx import Flavour, xml_of
from subscriptions.invoicing.selectors import bills_of, document_of
from subscriptions.ledger.services.ledger import enter_payment
from subscriptions.models import Einvoice, PlatformRequest, SalesReport
from subscriptions.ports import ElectronicInvoice
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox
from tests.integration.subscriptions.contracts import DAY, at, begun, firm, person, plan, run
from tests.integration.subscriptions.test_einvoicing import AFTER, atelier, billed

__all__ = ["atelier"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Receiver]]:
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="instant"
    )
    yield sandbox, receiver
    sandbox.stop()
    receiver.stop()


@pytest.fixture
def platform(process: tuple[Sandbox, Receiver], settings: Settings) -> Iterator[Sandbox]:
    sandbox, _ = process
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = sandbox.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 2.0
    client._http.cache_clear()
    einvoicing.platform.cache_clear()
    with business_time_fixed(at(DAY)):
        yield sandbox
    client._http.cache_clear()
    einvoicing.platform.cache_clear()
    sandbox.http.delete("/_control/faults")


def asked(sandbox: Sandbox, number: str) -> str:
    """Where the invoice stands once the platform has said what it has to say."""
    sandbox.done("einvoicing", f"{number}%2F1")
    einvoicing.on_ask({"keys": [f"{number}/1"], "tries": 0, "late": True})
    return Einvoice.objects.get(invoice__number=number).status


def test_an_invoice_is_deposited_and_its_money_told_each_once(
    platform: Sandbox, atelier: int
) -> None:
    number = billed(atelier)
    platform.plant(
        provider="einvoicing", operation="invoices$", kind="timeout_after_effect", seconds=3
    )
    with pytest.raises(Unknown):
        einvoicing.on_send({"keys": [f"{number}/1"]})
    einvoicing.on_send({"keys": [f"{number}/1"]})
    assert asked(platform, number) == "deposited"
    enter_payment(key="t", party_id=atelier, reference=number, amount=Money.of("36.00"))
    einvoicing.on_send({"keys": [f"{number}/paid"]})
    assert Einvoice.objects.get(invoice__number=number).status == "paid"
    for effect in ("deposit", "paid"):
        assert platform.counted(effect, number)["effects"] == 1
    # The same content in the other syntax is read as well, and known to be there already.
    document = document_of(atelier, number)
    again = ElectronicInvoice(number, "ubl-2.1", xml_of(document, flavour=Flavour.UBL))
    einvoicing.platform().send(again, key=f"{number}/ubl")
    told = platform.done("einvoicing", f"{number}%2Fubl")["callbacks"]
    assert [(each["type"], each["data"]["motive"]) for each in told] == [
        ("invoice.rejected", "duplicate")
    ]


def test_a_buyer_without_a_number_is_rejected_and_a_buyer_may_refuse(
    platform: Sandbox, atelier: int
) -> None:
    nameless = firm()
    number = billed(nameless)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    assert asked(platform, number) == "rejected"
    assert Einvoice.objects.get(invoice__number=number).motive == "buyer"

    begun("F-7", [plan("40.00")], party=atelier, segment="business")
    with business_time_fixed(at(AFTER, 5)):
        run(AFTER)
    number = bills_of(atelier)[0].number
    platform.plant(provider="einvoicing", operation=f"invoice {number}$", kind="buyer_refuses")
    einvoicing.on_send({"keys": [f"{number}/1"]})
    assert asked(platform, number) == "refused"


def test_reports_follow_each_other_and_a_gap_is_refused(platform: Sandbox) -> None:
    begun("F-1", [plan("30.00")], party=person())
    later = date(2026, 4, 1)
    with business_time_fixed(at(later)):
        made = sales_reports.report_until(later)
    keys = [f"report/{name}" for name in made]
    einvoicing.on_send({"keys": [keys[0]]})
    # Out of their order the third would leave a gap.
    einvoicing.on_send({"keys": [keys[2], keys[1]]})
    states: dict[str, Any] = dict(PlatformRequest.objects.values_list("key", "state"))
    assert [states[key] for key in keys] == ["accepted", "accepted", "refused"]
    assert PlatformRequest.objects.get(key=keys[2]).error.startswith("gap:")
    assert SalesReport.objects.count() == 3
    assert platform.counted("report", made[0])["effects"] == 1
