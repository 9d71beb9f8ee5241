"""One trace id leads through the logs, from the click to the provider's callback."""

import json
from typing import Any

from commerce.local.stack import Stack
from tests.integration.test_three_orders import shopper


def records(stack: Stack, process: str) -> list[dict[str, Any]]:
    """The structured lines in the log of a process; others (a server's greeting) are left out."""
    lines = (line for line in stack.logs(process).splitlines() if line.startswith("{"))
    return [json.loads(line) for line in lines]


def test_one_trace_leads_from_the_click_to_the_providers_callback(stack: Stack) -> None:
    client = shopper(stack, number="06 39 98 77 09")
    told = client.order()
    client.wait_until_active(told.number, seconds=120)
    web, worker = records(stack, "web"), records(stack, "worker")
    clicks = [record for record in web if record["message"] == "POST /api/v1/orders"]
    trace = clicks[-1]["trace_id"]
    assert (len(trace), clicks[-1]["status"]) == (32, 201)
    called = {
        r["message"] for r in worker if r["trace_id"] == trace and r["name"].endswith("calls")
    }
    assert {"POST warehouse", "POST smdp", "POST porting", "POST network"} <= called
    heard = {r["message"] for r in web if r["trace_id"] == trace and "callbacks" in r["message"]}
    assert {f"POST /callbacks/providers/{name}" for name in ("porting", "network")} <= heard
    assert all({"at", "levelname", "name", "message"} <= record.keys() for record in web)
    secrets = (client.rio, "Bearer ", "sk_test_", "whsec_")
    text = "\n".join(json.dumps(record) for record in web + worker)
    assert [secret for secret in secrets if secret in text] == []
