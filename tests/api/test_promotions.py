"""Single-use codes and retention offers through the API."""

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.selectors import current_snapshot
from promotions.selectors import known_code, promotions_of
from tests.api.conftest import AT, Api, logged_in
from tests.api.test_carts_and_orders import filled

WANTED = {"promotion": "friend-20", "name": "letter", "count": 12, "last_day": "2026-12-24"}


@pytest.fixture
def manager(people: Mapping[str, Any]) -> Api:
    return logged_in(people["catalogue_manager"])


def test_codes_are_made_written_out_once_and_used(manager: Api, shopper: Api) -> None:
    made = manager.post("promotions/code-batches", WANTED, key="make-1")
    again = manager.post("promotions/code-batches", WANTED, key="make-1")
    assert (made.status_code, again.json()) == (201, made.json())
    assert made.json()["valid_until"] == "2026-12-25T00:00:00+01:00"
    export = f"promotions/code-batches/{made.json()['id']}/export"

    file = manager.post(export)
    codes = file.content.decode().split()
    assert (file.status_code, file.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert (codes[0], len(set(codes))) == ("code", 13)
    refused = manager.post(export)
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_exported")

    cart = filled(shopper)
    answer = shopper.post(f"carts/{cart}/codes", {"code": codes[1].lower()})
    assert answer.status_code == 200
    assert [a["code"] for a in answer.json()["quote"]["applied"]].count("friend-20") == 1
    assert shopper.post(f"carts/{cart}/checkout", {}).status_code == 200
    (batch,) = manager.get("promotions/code-batches").json()["batches"]
    assert (batch["count"], batch["reserved"], batch["redeemed"]) == (12, 1, 0)


def test_codes_mean_nothing_without_the_secret_and_outlive_a_new_one(
    manager: Api, settings: Any
) -> None:
    made = manager.post("promotions/code-batches", WANTED).json()
    file = manager.post(f"promotions/code-batches/{made['id']}/export")
    code = file.content.decode().split()[1]
    promotions = promotions_of(current_snapshot(AT))
    former = settings.SECRET_KEY
    assert known_code(promotions, code) == code

    settings.SECRET_KEY = "of another place"
    assert known_code(promotions, code) is None

    settings.SECRET_KEY_FALLBACKS = [former]
    assert known_code(promotions, code) == code


def test_only_those_who_manage_the_catalogue_make_codes(shopper: Api, buyer: Api) -> None:
    for api in (shopper, buyer):
        assert api.post("promotions/code-batches", WANTED).status_code == 403
        assert api.post("promotions/code-batches/1/export").status_code == 403
    assert Api().get("promotions/code-batches").status_code == 401


def test_a_customer_gives_himself_no_retention_offer(shopper: Api) -> None:
    cart = filled(shopper)
    answer = shopper.send("PUT", f"carts/{cart}/retention/stay-5", {"reason": "price"})
    assert answer.status_code == 403
