"""A draft's promotions tried through the API."""

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.services.drafts import open_draft, set_part
from commerce.accounts.identity import SYSTEM
from tests.api.conftest import Api, logged_in
from tests.api.test_carts_and_orders import filled

TRIED = {
    "code": "tried", "name": {"fr": "Essai", "en": "Tried"},
    "when": {"fact": "kinds", "includes": "handset"},
    "benefits": [{"target": {"fact": "line.kind", "is": "handset"}, "charge": "one_off",
                  "kind": "amount_off", "value": 50}],
}  # fmt: skip


@pytest.fixture
def manager(people: Mapping[str, Any]) -> Api:
    return logged_in(people["catalogue_manager"])


@pytest.fixture
def draft(people: Mapping[str, Any]) -> int:
    number = open_draft(SYSTEM, name="Winter")
    set_part(SYSTEM, draft_id=number, section="promotions", key="", data=TRIED)
    return number


def test_a_draft_is_tried_on_samples_and_orders(manager: Api, draft: int) -> None:
    answer = manager.get(f"catalogue/drafts/{draft}/trial")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["seen"], said["orders"], said["totals"], said["next"]) == (0, [], [], None)
    assert said["promotions"] == [{"code": "tried", "what": "added", "had": 0, "get": 0}]
    samples = {each["name"]: each["cost_today"] for each in said["samples"]}
    assert len(samples) == 7
    assert samples["A phone alone"] == {"amount": "50.00", "currency": "EUR"}
    assert samples["A plan alone for 24 months"] is None


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?since=2026-01-01", 400, "days_out_of_range"),
        ("?since=2026-12-31&until=2026-12-01", 400, "days_out_of_range"),
        ("?until=0001-01-01", 400, "days_out_of_range"),
        ("?since=0001-01-01&until=0001-01-02", 400, "days_out_of_range"),
        ("?limit=501", 400, "invalid_input"),
        ("?after=F-0", 404, "unknown_order"),
        ("?promotion=x", 400, "invalid_input"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    manager: Api, draft: int, query: str, status: int, code: str
) -> None:
    answer = manager.get(f"catalogue/drafts/{draft}/trial{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_draft_that_is_not_there_or_cannot_be_read(manager: Api, draft: int) -> None:
    assert manager.get("catalogue/drafts/999999/trial").status_code == 404
    wrong = {**TRIED, "code": "wrong", "benefits": []}
    set_part(SYSTEM, draft_id=draft, section="promotions", key="", data=wrong)
    answer = manager.get(f"catalogue/drafts/{draft}/trial")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "promotions[12].benefits"
    assert answer.json()["detail"] == "Give at least one benefit."


def test_only_those_who_manage_the_catalogue_try(shopper: Api, buyer: Api, draft: int) -> None:
    assert filled(shopper)
    for api in (shopper, buyer):
        assert api.get(f"catalogue/drafts/{draft}/trial").status_code == 403
    assert Api().get(f"catalogue/drafts/{draft}/trial").status_code == 401
