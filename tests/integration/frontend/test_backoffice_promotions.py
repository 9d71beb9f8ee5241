"""The form of a promotion, its trial on the same page, and the page of single-use codes."""

from typing import Any

import pytest
from django.test import Client

from catalogue.importer.writing import restored
from catalogue.models import Draft, DraftPart
from commerce.accounts.kinds import StaffKind
from promotions.models import CodeBatch
from tests.integration.frontend.test_backoffice import draft, ines, shop, staff, text_of

pytestmark = pytest.mark.django_db
__all__ = ["draft", "ines", "shop"]
WELCOME = "parts/promotions/welcome-10/"


def data(key: str = "welcome-10") -> Any:
    return restored(DraftPart.objects.get(section="promotions", key=key).data)


def keep(client: Client, draft: str, **fields: str) -> Any:
    posted = {"act": "promotion", "revision": "1", **fields}
    return client.post(draft + WELCOME, posted)


def test_the_form_writes_the_part(ines: Client, draft: str) -> None:
    before = data()
    answer = keep(
        ines, draft,
        **{"name-en": "Welcome", "requires_code": "HELLO", "group": "welcome", "priority": "5",
           "valid_from": "2026-12-01", "valid_until": "", "limits-total": "", "early_exit":
           "give_back", "limits-per_party": "2", "has-exclusive": "1", "exclusive": "1",
           "benefits-0-kind": "percent_off", "benefits-0-charge": "one_off",
           "benefits-0-value": "12,5", "benefits-0-first": "", "benefits-0-periods": ""},
    )  # fmt: skip
    assert answer.status_code == 302
    now = data()
    assert now["name"] == {**before["name"], "en": "Welcome"}
    assert (now["requires_code"], now["priority"], now["limits"]) == ("HELLO", 5, {"per_party": 2})
    assert (now["exclusive"], now["early_exit"]) == (True, "give_back")
    assert str(now["valid_from"]) == "2026-12-01"
    assert now["benefits"][0]["kind"] == "percent_off"
    assert str(now["benefits"][0]["value"]) == "12.5"
    assert now["when"] == before["when"]
    assert "can be sold" in text_of(ines, draft + WELCOME)


def test_a_form_sent_as_it_was_changes_nothing(ines: Client, draft: str) -> None:
    before = data()
    answer = keep(
        ines, draft, requires_code="BIENVENUE10", group="welcome", priority="-10",
        early_exit="nothing",
        **{"limits-total": "500", "limits-per_party": "1", "benefits-0-value": "10",
           "benefits-0-kind": "amount_off", "benefits-0-charge": "one_off",
           "benefits-0-first": "", "benefits-0-periods": ""},
    )  # fmt: skip
    assert answer.status_code == 302
    assert data() == before
    assert Draft.objects.get().version == 1


def test_what_is_wrong_stands_at_its_field(ines: Client, draft: str) -> None:
    answer = keep(ines, draft, priority="high", **{"benefits-0-value": "much"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="wrong-priority">A whole number.' in page
    assert 'id="wrong-benefits-0-value">An amount like 19.99.' in page
    assert Draft.objects.get().version == 1
    assert keep(ines, draft, **{"benefits-0-kind": "percent_off", "benefits-0-value": "120"})
    page = text_of(ines, draft + WELCOME)
    assert 'id="wrong-benefits-0-value"' in page


def test_conditions_are_readable_and_the_trial_stands_on_the_page(ines: Client, draft: str) -> None:
    page = text_of(ines, draft + WELCOME)
    assert "<code>customer.segment is consumer</code>" in page
    assert "Sample carts" not in page
    page = text_of(ines, f"{draft}{WELCOME}?try=1")
    assert "It would have applied to 0 of 0 orders tried" in page
    assert "A phone alone" in page
    assert page.count("does not apply") == 4
    assert page.count("€10") >= 3


def test_codes_are_made_and_written_out_once(ines: Client) -> None:
    asked = {"promotion": "friend-20", "name": "Spring", "count": "25", "last_day": "2026-12-31"}
    assert ines.post("/backoffice/codes/", asked).status_code == 302
    batch = CodeBatch.objects.get()
    page = text_of(ines, "/backoffice/codes/")
    assert "Spring" in page
    assert "Write the codes out, once" in page
    answer = ines.post(f"/backoffice/codes/{batch.pk}/export/")
    assert len(answer.content.decode().split()) == 26
    assert answer["Cache-Control"] == "no-store"
    again = ines.post(f"/backoffice/codes/{batch.pk}/export/", follow=True).content.decode()
    assert "Write the codes out, once" not in again
    assert "written out" in again


@pytest.mark.parametrize(
    ("field", "value"), [("count", "many"), ("count", "0"), ("name", ""), ("last_day", "soon")]
)
def test_a_batch_that_cannot_be_is_told_at_its_field(ines: Client, field: str, value: str) -> None:
    asked = {"promotion": "friend-20", "name": "Spring", "count": "25", field: value}
    answer = ines.post("/backoffice/codes/", asked)
    assert answer.status_code == 422
    assert f'id="wrong-{field}"' in answer.content.decode()
    assert not CodeBatch.objects.exists()


def test_the_codes_are_the_catalogue_managers_alone(ines: Client) -> None:
    other = staff(StaffKind.AGENT)
    assert other.get("/backoffice/codes/").status_code == 403
    assert other.post("/backoffice/codes/1/export/").status_code == 403
