"""A firm's programs say where they want to hear of its orders; nobody else's are told."""

import re
from datetime import timedelta
from typing import Any

from commerce.events.models import IdempotencyRecord, WebhookEndpoint, WebhookMessage
from commerce.events.webhooks.sealing import unseal
from commerce.kernel.clock import machine_now
from commerce.notifications.models import Message
from commerce.notifications.subscribers import on_webhook_endpoint_failed
from tests.api.conftest import AT, Api
from tests.api.test_fleet_orders import fleet

URL = "https://erp.example/hook"


def added(api: Api, **values: Any) -> str:
    answer = api.post("webhook-endpoints", {"url": URL, **values})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def test_an_endpoint_hears_of_the_firms_orders_from_then_on(buyer: Api, operator: Api) -> None:
    earlier = buyer.post("fleet-orders", fleet(1)).json()["number"]
    ours = added(buyer, name="ERP", types=["order.placed"])
    added(operator, types=["order.placed"])
    number = buyer.post("fleet-orders", fleet(2)).json()["number"]
    (message,) = buyer.get(f"webhook-endpoints/{ours}/messages").json()["items"]
    assert (message["type"], message["state"], message["attempts"]) == (
        "order.placed",
        "pending",
        [],
    )
    payloads = WebhookMessage.objects.values_list("event__payload__number", flat=True)
    assert sorted(payloads) == [number, number], "one for the firm, one for the operator"
    assert earlier not in payloads


def test_the_secret_is_told_once_and_the_one_before_stays_good_for_a_day(buyer: Api) -> None:
    made = buyer.post("webhook-endpoints", {"url": URL}).json()
    assert made["secret"].startswith("whsec_")
    shown = buyer.get(f"webhook-endpoints/{made['id']}").json()
    assert "secret" not in shown
    assert shown["old_secret_until"] is None
    again = buyer.post(f"webhook-endpoints/{made['id']}/secret", {}).json()
    row = WebhookEndpoint.objects.get()
    assert (unseal(row.secret), unseal(row.old_secret)) == (again["secret"], made["secret"])
    assert row.old_until is not None
    assert timedelta(hours=23) < row.old_until - machine_now() <= timedelta(hours=24)


def test_the_same_key_adds_one_endpoint(buyer: Api) -> None:
    first = buyer.post("webhook-endpoints", {"url": URL}, key="a").json()
    repeated = buyer.post("webhook-endpoints", {"url": URL}, key="a").json()
    assert repeated == {"id": first["id"], "secret": None}, "it is told once"
    assert len(buyer.get("webhook-endpoints").json()["items"]) == 1


def test_a_secret_lies_open_nowhere_in_the_database(buyer: Api) -> None:
    made = buyer.post("webhook-endpoints", {"url": URL}, key="a").json()
    again = buyer.post(f"webhook-endpoints/{made['id']}/secret", {}, key="b").json()
    row = WebhookEndpoint.objects.get()
    kept = [bytes(body) for body in IdempotencyRecord.objects.values_list("body", flat=True)]
    assert len(kept) == 2
    for secret in (made["secret"], again["secret"]):
        assert secret not in (row.secret, row.old_secret)
        assert not any(secret.encode() in body for body in kept)


def test_an_endpoint_is_tried_with_a_message_that_it_alone_hears(buyer: Api) -> None:
    tried, other = added(buyer, types=["bill.issued"]), added(buyer)
    answer = buyer.post(f"webhook-endpoints/{tried}/tests", {}, key="a")
    assert answer.status_code == 202
    assert buyer.post(f"webhook-endpoints/{tried}/tests", {}, key="a").json() == answer.json()
    (message,) = buyer.get(f"webhook-endpoints/{tried}/messages").json()["items"]
    assert (message["id"], message["type"]) == (answer.json()["message"], "webhook.test")
    assert buyer.get(f"webhook-endpoints/{other}/messages").json()["items"] == []
    buyer.post(f"webhook-endpoints/{tried}/pause", {})
    refused = buyer.post(f"webhook-endpoints/{tried}/tests", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_not_active")


def test_pause_resume_replay_change_and_removal(buyer: Api) -> None:
    made = added(buyer)
    place = f"webhook-endpoints/{made}"
    assert buyer.post(f"{place}/pause", {}).json()["state"] == "paused"
    buyer.post("fleet-orders", fleet(1))
    assert buyer.get(f"{place}/messages").json()["items"] == []
    span = {
        "since": AT.isoformat(),
        "until": (AT + timedelta(days=1)).isoformat(),
        "type": "order.placed",
    }
    refused = buyer.post(f"{place}/replays", span)
    assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_not_active")
    assert buyer.post(f"{place}/resume", {}).json()["state"] == "active"
    assert buyer.post(f"{place}/replays", span).json() == {"messages": 1}
    (message,) = buyer.get(f"{place}/messages").json()["items"]
    again = buyer.post(f"{place}/messages/{message['id']}/send-again", {})
    assert (again.status_code, again.json()) == (202, {"messages": 1})
    changed = buyer.put(place, {"url": f"{URL}/2", "types": ["bill.issued"]}).json()
    assert (changed["url"], changed["types"]) == (f"{URL}/2", ["bill.issued"])
    assert buyer.send("DELETE", place).status_code == 204
    assert buyer.get(place).status_code == 404


def test_the_firm_is_told_how_it_hears_again(buyer: Api) -> None:
    made = added(buyer)
    firm = WebhookEndpoint.objects.get().party_id
    WebhookEndpoint.objects.update(state="failed")
    told = {"party_id": firm, "endpoint": made, "url": URL, "since": AT.isoformat()}
    on_webhook_endpoint_failed(told)
    on_webhook_endpoint_failed(told)
    text = Message.objects.get(code="webhook_failed").text
    (resume,) = re.findall(r"/api/v1/(webhook-endpoints/\S+/resume)", text)
    assert buyer.post(resume, {}).json()["state"] == "active"


def test_what_a_firm_may_hear_of_is_listed_and_nothing_else_is_taken(buyer: Api) -> None:
    types = buyer.get("webhook-endpoints").json()["types"]
    assert {"order.placed", "contract.activated", "bill.issued"} <= set(types)
    assert not {"task.fell_out", "bill.held"} & set(types)
    refused = buyer.post("webhook-endpoints", {"url": URL, "types": ["task.fell_out"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_event_type")
    bad = buyer.post("webhook-endpoints", {"url": "ftp://erp.example"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "url")


def test_who_may_not(approver: Api, shopper: Api, visitor: Api, agent: Api) -> None:
    refused = approver.post("webhook-endpoints", {"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (403, "may_not_manage_webhooks")
    assert approver.get("webhook-endpoints").json()["items"] == []
    for api, status in ((shopper, 403), (visitor, 401), (agent, 403)):
        assert api.get("webhook-endpoints").status_code == status
    assert not WebhookEndpoint.objects.exists()
