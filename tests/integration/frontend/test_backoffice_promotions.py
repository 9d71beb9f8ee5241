"""The form of a promotion, its trial on the same page, and the page of single-use codes."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from catalogue.importer.writing import restored
from catalogue.models import Draft, DraftPart
from commerce.accounts.kinds import StaffKind
from promotions.models import CodeBatch
from tests.integration.frontend.test_backoffice import (
    AT,
    ON_SALE,
    draft,
    ines,
    shop,
    staff,
    text_of,
)

pytestmark = pytest.mark.django_db
__all__ = ["AT", "ON_SALE", "draft", "ines", "shop"]
WELCOME = "parts/promotions/welcome-10/"


def data(key: str = "welcome-10") -> Any:
    return restored(DraftPart.objects.get(section="promotions", key=key).data)


class FormReader(HTMLParser):
    """The fields of the form of the promotion, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = ""
        self.feed(page[page.index('id="promotion"') : page.index('id="trial"')])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "input" and (said.get("type") != "checkbox" or "checked" in said):
            self.sent[said["name"]] = said.get("value", "")
        if tag == "select":
            self._select = said["name"]
        if tag == "option" and self._select:
            first = self._select not in self.sent
            if first or "selected" in said:
                self.sent[self._select] = said["value"]
        if tag == "datalist":
            self._select = ""


def fields_of(client: Client, path: str) -> dict[str, str]:
    return FormReader(text_of(client, path)).sent


def keep(client: Client, draft: str, *without: str, **fields: str) -> Any:
    posted = fields_of(client, draft + WELCOME) | {"act": "promotion"} | fields
    return client.post(draft + WELCOME, {k: v for k, v in posted.items() if k not in without})


def test_the_form_writes_the_part(ines: Client, draft: str) -> None:
    before = data()
    answer = keep(
        ines, draft,
        **{"name-en": "Welcome", "requires_code": "HELLO", "group": "welcome", "priority": "5",
           "valid_from": "2026-12-01", "limits-total": "", "early_exit": "give_back",
           "limits-per_party": "2", "exclusive": "1", "benefits-0-kind": "percent_off",
           "benefits-0-charge": "one_off", "benefits-0-value": "12,5",
           "when-1-operator": "in", "when-1-value": "handset, accessory"},
    )  # fmt: skip
    assert answer.status_code == 302
    now = data()
    assert now["name"] == {**before["name"], "en": "Welcome"}
    assert (now["requires_code"], now["priority"], now["limits"]) == ("HELLO", 5, {"per_party": 2})
    assert (now["exclusive"], now["early_exit"]) == (True, "give_back")
    assert str(now["valid_from"]) == "2026-12-01"
    assert now["benefits"][0]["kind"] == "percent_off"
    assert str(now["benefits"][0]["value"]) == "12.5"
    assert now["when"]["all"] == [
        {"fact": "kinds", "in": ["handset", "accessory"]}, before["when"]["all"][1],
    ]  # fmt: skip
    assert "can be sold" in text_of(ines, draft + WELCOME)


def test_every_promotion_sent_as_its_form_stands_changes_nothing(ines: Client, draft: str) -> None:
    rows = list(DraftPart.objects.filter(section="promotions"))
    assert len(rows) == 11
    for row in rows:
        path = f"{draft}parts/promotions/{row.key}/"
        assert ines.post(path, fields_of(ines, path) | {"act": "promotion"}).status_code == 302
        assert DraftPart.objects.get(pk=row.pk).data == row.data
    assert Draft.objects.get().version == 1


def test_rows_are_added_and_moved_without_being_kept(ines: Client, draft: str) -> None:
    """As a browser without JavaScript does it: each button sends the form, and shows it again."""
    path = draft + WELCOME
    sent = fields_of(ines, path)
    for act, typed in (
        ("when - add-test", {}),
        ("refresh", {"when-3-fact": "handset."}),
        ("when 3 up", {"when-3-detail": "family", "when-3-value": "ardoval-x2"}),
        ("benefits - add", {}),
        ("benefits-1-target - add-test", {"benefits-1-value": "5"}),
    ):
        answer = ines.post(path, sent | typed | {"do": act})
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "Not kept yet." in page
        sent = FormReader(page).sent
    assert Draft.objects.get().version == 1
    before = data()
    typed = {"benefits-1-target-0-value": "plan", "benefits-1-target-0-fact": "line.kind"}
    assert ines.post(path, sent | typed | {"act": "promotion"}).status_code == 302
    now, new = data(), {"fact": "handset.family", "is": "ardoval-x2"}
    first, second = before["when"]["all"]
    assert now["when"] == {"all": [first, new, second]}
    assert now["benefits"] == [*before["benefits"], {
        "kind": "percent_off", "charge": "recurring", "value": 5,
        "target": {"fact": "line.kind", "is": "plan"}}]  # fmt: skip
    assert "can be sold" in text_of(ines, path)


def test_what_is_wrong_stands_at_its_field(ines: Client, draft: str) -> None:
    answer = keep(ines, draft, priority="high", **{"benefits-0-value": "much"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="wrong-priority">A whole number.' in page
    assert 'id="wrong-benefits-0-value">An amount like 19.99.' in page
    assert Draft.objects.get().version == 1
    bad = {"benefits-0-kind": "percent_off", "benefits-0-value": "120"}
    assert keep(ines, draft, **bad).status_code == 302
    assert 'id="wrong-benefits-0-value"' in text_of(ines, draft + WELCOME)
    bad = {"benefits-0-value": "12", "when-1-value": "phone"}
    assert keep(ines, draft, **bad).status_code == 302
    page = text_of(ines, draft + WELCOME)
    row = page[page.index('name="when-1-form"') :]
    assert row[row.index("errorlist") :].startswith('errorlist">There is no phone among the kinds.')


def test_the_trial_stands_on_the_page(ines: Client, draft: str) -> None:
    assert "Sample carts" not in text_of(ines, draft + WELCOME)
    page = text_of(ines, f"{draft}{WELCOME}?try=1")
    assert "It would have applied to 0 of 0 orders tried" in page
    assert "A phone alone" in page
    assert page.count("does not apply") == 4
    assert page.count("€10") >= 3


def test_the_whole_draft_is_tried_against_what_is_sold(ines: Client, draft: str) -> None:
    page = text_of(ines, f"{draft}trial/")
    assert "Sample carts" not in page
    assert "No promotion differs" in text_of(ines, f"{draft}trial/?try=1")
    assert keep(ines, draft, **{"benefits-0-value": "30"}).status_code == 302
    page = text_of(ines, f"{draft}trial/?try=1")
    assert "It would have applied to 0 of 0 orders tried" in page
    assert ">welcome-10</a></td>" in page
    assert page.count(">€20<") == 6, "three carts with a phone, today and over the commitment"
    keep(ines, draft, **{"benefits-0-kind": "percent_off", "benefits-0-value": "120"})
    page = text_of(ines, f"{draft}trial/?try=1")
    assert "is not within 0 and 100." in page


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


@pytest.mark.parametrize("act", [{"do": "when - add-test"}, {"act": "promotion", "priority": "x"}])
def test_what_another_changed_meanwhile_is_not_written_over(
    ines: Client, draft: str, act: dict[str, str]
) -> None:
    """A form that is shown again, with a row more or with what is wrong, is still the form of the
    part as it was seen first."""
    seen = fields_of(ines, draft + WELCOME)
    other = seen | {"act": "promotion", "name-en": "Changed meanwhile"}
    assert ines.post(draft + WELCOME, other).status_code == 302
    shown = FormReader(ines.post(draft + WELCOME, seen | act).content.decode()).sent
    assert shown["revision"] == seen["revision"]
    last = ines.post(draft + WELCOME, seen | {"revision": shown["revision"], "act": "promotion"})
    assert last.status_code == 409
    assert data()["name"]["en"] == "Changed meanwhile"
