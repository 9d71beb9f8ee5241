"""Systems of the operator report what lines used, and may do nothing else."""

from collections.abc import Mapping
from datetime import date

import pytest

from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from tests.api.conftest import Api, token_of
from tests.integration.ordering.test_next_offers import begin
from tests.integration.subscriptions.contracts import at

RECORD = {
    "line": "+33639980001", "month": "2027-05", "allowance": "data_gb", "used": "95.5",
    "counted_at": "2027-06-01T00:00:00+02:00",
}  # fmt: skip


@pytest.fixture
def network(people: Mapping[str, Mapping[str, str]]) -> Api:
    return Api(token=token_of(people["network_client"], scope="consumption"))


def test_a_system_of_the_operator_reports_use(
    network: Api, people: Mapping[str, Mapping[str, str]]
) -> None:
    party = User.objects.get(email=people["shopper"]["email"]).party_id
    assert party is not None
    begin(party)
    with business_time_fixed(at(date(2027, 6, 2))):
        for added, same in ((1, 0), (0, 1)):
            answer = network.post("consumption", {"records": [RECORD]})
            assert answer.json() == {"added": added, "replaced": 0, "same": same}
        wrong = network.post("consumption", {"records": [RECORD, {**RECORD, "line": "0639989999"}]})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "consumption_invalid")
        assert [error["field"] for error in wrong.json()["errors"]] == ["records[1].line"]
        strange = network.post("consumption", {"records": [{**RECORD, "used": 95.5}]})
        assert strange.status_code == 400


def test_it_may_do_nothing_else_and_nobody_else_may_report(
    network: Api, buyer: Api, people: Mapping[str, Mapping[str, str]]
) -> None:
    wide = Api(token=token_of(people["network_client"], scope="orders catalogue consumption"))
    for path in ("offerings", "orders", "subscriptions", "next-offers", "me"):
        assert wide.get(path).status_code == 403, path
    assert wide.post("carts", {}).status_code == 403
    without = Api(token=token_of(people["network_client"], scope="orders"))
    body = {"records": [RECORD]}
    assert without.post("consumption", body).json()["code"] == "insufficient_scope"
    member = Api(token=token_of(people["buyer_client"], scope="consumption"))
    assert member.post("consumption", body).status_code == 403
    assert buyer.post("consumption", body).status_code == 403


def test_usage_is_told_record_by_record_and_one_that_waits_keeps_no_other_out(
    network: Api, people: Mapping[str, Mapping[str, str]], buyer: Api
) -> None:
    party = User.objects.get(email=people["shopper"]["email"]).party_id
    assert party is not None
    begin(party)
    body = {
        "source": "network",
        "records": [
            {"id": "a/1", "line": "+33639980001", "started_at": "2027-05-20T12:00:00+02:00",
             "allowance": "data_gb", "quantity": "1.5"},
            {"id": "a/2", "line": "0639989999", "started_at": "2027-05-20T12:00:00+02:00",
             "allowance": "minutes", "quantity": "3", "destination": "0139980000"},
        ],
    }  # fmt: skip
    with business_time_fixed(at(date(2027, 6, 2))):
        told = network.post("usage", body).json()
        again = network.post("usage", body).json()
    assert told == {
        "added": 1, "same": 0, "barred": 0, "refused": [],
        "suspended": [{"place": 1, "field": "line",
                       "message": "Nobody had the number 0639989999 that day."}],
    }  # fmt: skip
    assert again == {"added": 0, "same": 2, "barred": 0, "suspended": [], "refused": []}
    assert buyer.post("usage", body).status_code == 403
    record = {**body["records"][0], "quantity": "-1"}  # type: ignore[dict-item]
    assert network.post("usage", {**body, "records": [record]}).status_code == 400
