"""The operators' pages of bill runs: progress, control totals, a decision, a trial."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.accounts.kinds import StaffKind
from commerce.kernel.clock import business_time_fixed
from subscriptions.invoicing.services import bill_run
from subscriptions.models import BillingAccount, BillRun, BillRunChunk, BillRunControl
from tests.integration.frontend.test_portal_and_ops import as_staff
from tests.integration.subscriptions.contracts import DAY, at, carried_out
from tests.integration.subscriptions.test_bill_run_control import APRIL, held_run, two_contracts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def operator() -> Client:
    client = as_staff(StaffKind.OPERATOR)
    client.cookies["django_language"] = "en"
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_of_a_run_says_how_far_it_is_and_asks_again(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_contracts()
    monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 1)
    run_id = bill_run.start(on=APRIL)
    chunk = BillRunChunk.objects.earliest("pk")
    bill_run.draft(chunk.pk)
    page = text(operator, f"/ops/billing/runs/{run_id}/")
    assert "1 of 2 accounts, 1 of 2 parts" in page
    assert "0 of 1 bills, 0 of 2 parts" in page
    assert "1 account in the last minute; at this pace 1 minute is left of this stage" in page
    live = f'hx-get="/ops/billing/runs/{run_id}/progress/" hx-trigger="every 3s"'
    assert live in page
    carried_out(run_id or 0)
    part = text(operator, f"/ops/billing/runs/{run_id}/progress/")
    assert "2 of 2 bills, 2 of 2 parts" in part
    assert "they agree" in part
    assert "hx-get" not in part
    assert "<html" not in part


def test_a_runs_page_asks_as_much_for_many_chunks_as_for_one(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_contracts()
    monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 1)
    run_id = bill_run.start(on=APRIL)
    assert run_id is not None
    text(operator, "/ops/billing/")
    with CaptureQueriesContext(connection) as two:
        text(operator, f"/ops/billing/runs/{run_id}/progress/")
    BillRunChunk.objects.bulk_create(
        BillRunChunk(run_id=run_id, first_account=10**6 + n, last_account=10**6 + n)
        for n in range(50)
    )
    with CaptureQueriesContext(connection) as many:
        text(operator, f"/ops/billing/runs/{run_id}/progress/")
    assert len(many) == len(two)


def test_a_held_run_is_decided_with_a_reason(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_run(monkeypatch)
    here = f"/ops/billing/runs/{held.pk}/"
    assert "held: needs a decision" in text(operator, "/ops/billing/")
    page = text(operator, here)
    assert "Sum of the bills counted, and in the tables" in page
    assert "€42.09" in page
    assert "€41.09" in page
    operator.post(f"{here}decide/", {"decision": "issue", "note": ""})
    assert "Write a note that says why, then decide." in text(operator, here)
    operator.post(f"{here}decide/", {"decision": "all"})
    assert BillRun.objects.get().state == "held"
    operator.post(f"{here}decide/", {"decision": "issue", "note": "A known discount."})
    assert BillRun.objects.get().state == "issuing"
    assert BillRunControl.objects.get().note == "A known discount."
    page = text(operator, here)
    assert "Its bills were issued as they were drafted – A known discount." in page
    assert 'name="decision"' not in page


def test_a_trial_is_begun_from_the_page(operator: Client) -> None:
    two_contracts()
    account = BillingAccount.objects.earliest("pk").pk
    answer = operator.post("/ops/billing/trials/", {"on": "2026-05-10", "account": str(account)})
    trial = BillRun.objects.get()
    assert answer.headers["Location"] == f"/ops/billing/runs/{trial.pk}/"
    assert (trial.on, trial.trial, trial.account_id) == (date(2026, 5, 10), True, account)
    carried_out(trial.pk)
    page = text(operator, f"/ops/billing/runs/{trial.pk}/")
    assert "Trial of the bill run of" in page
    assert "€64.18" in page  # two months of 29.99 and 2.10
    operator.post("/ops/billing/trials/", {"on": "never"})
    assert "Choose a day, and the number of an account or none." in text(operator, "/ops/billing/")
    operator.post("/ops/billing/trials/", {"on": "2026-05-10", "account": "999999999"})
    assert BillRun.objects.count() == 1
