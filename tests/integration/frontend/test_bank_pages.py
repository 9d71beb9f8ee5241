"""The operators' pages of the bank account."""

from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from commerce.accounts.kinds import StaffKind
from commerce.kernel.clock import business_time_fixed
from subscriptions.domain.states import EntryState
from subscriptions.models import BankEntry, BankShare
from tests.bank_files import Moved, bank_file
from tests.integration.frontend.test_portal_and_ops import as_staff
from tests.integration.subscriptions.contracts import DAY, at
from tests.integration.subscriptions.test_bank import GROSS, account_of, open_on, owing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def operator() -> Client:
    return as_staff(StaffKind.OPERATOR)


def sent(operator: Client, data: bytes, *, do: str) -> tuple[int, str]:
    file = SimpleUploadedFile("march.xml", data, content_type="text/xml")
    answer = operator.post("/ops/bank/", {"file": file, "do": do}, follow=True)
    return answer.status_code, answer.content.decode()


def test_a_file_is_looked_at_then_taken_in_and_a_bad_one_refused(operator: Client) -> None:
    number = owing()
    data = bank_file(Moved(GROSS, number, ref="B1"), Moved("5.00", "hello", ref="B2"))
    said = "1 statements and 2 movements are new: 1 booked, 1 wait."
    status, page = sent(operator, data, do="look")
    assert (status, said in page, BankEntry.objects.count()) == (200, True, 0)
    status, page = sent(operator, data, do="take")
    assert (status, said in page, BankEntry.objects.count()) == (200, True, 2)
    assert "names no bill" in page
    status, page = sent(operator, b"<a/>", do="take")
    assert (status, "no bank statement that can be read" in page) == (422, True)
    assert open_on(number) == "0.00"


def test_an_operator_gives_takes_back_and_sets_aside(operator: Client) -> None:
    number = owing()
    sent(operator, bank_file(Moved(GROSS, "hello", ref="B1")), do="take")
    entry = BankEntry.objects.get()
    here = f"/ops/bank/{entry.pk}/"
    page = operator.get(here).content.decode()
    assert (number in page, "the same sum is open, the same name" in page) == (True, True)
    operator.post(here, {"numbers": number.lower(), "rest": "on"})
    assert open_on(number) == "0.00"
    share = BankShare.objects.get()
    operator.post(f"/ops/bank/shares/{share.pk}/", {"note": ""})
    assert open_on(number) == "0.00"
    operator.post(f"/ops/bank/shares/{share.pk}/", {"note": "Not theirs"})
    assert open_on(number) == GROSS
    assert "Not theirs" in operator.get(here).content.decode()
    operator.post(here, {"do": "aside", "note": "A gift"})
    entry.refresh_from_db()
    assert (entry.state, entry.note) == (EntryState.ASIDE, "A gift")
    operator.post(here, {"do": "take_up"})
    operator.post(here, {"account": str(account_of(number))})
    entry.refresh_from_db()
    assert (entry.state, BankShare.objects.count()) == (EntryState.BOOKED, 2)
    assert operator.get("/ops/bank/999/").status_code == 404
