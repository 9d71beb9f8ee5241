"""Each provider behaves as its real counterpart, in the right order and at the right time."""

from datetime import UTC, datetime, timedelta

import pytest
from stdnum import imei, luhn

from commerce.sandbox.providers.numbers import rio_key
from tests.integration.sandbox_providers.harness import (
    Receiver,
    Sandbox,
    porting,
    shipment,
    sms,
    wait_for,
)

HEADER = {"functionRequesterIdentifier": "1.3.6.1.4.1.99999", "functionCallIdentifier": "call-1"}
ES2 = "/smdp/gsma/rsp2/es2plus"


def line(reference: str) -> dict[str, object]:
    return {
        "reference": reference,
        "msisdn": "+33639981234",
        "iccid": "8933150123456789017",
        "plan": "FORFAIT-100",
        "services": ["5G"],
    }


def test_a_shipment_is_picked_with_numbers_of_its_own_shipped_and_delivered(
    sandbox: Sandbox,
) -> None:
    sandbox.post("/warehouse/shipments", key="pick:1", body=shipment("pick", quantity=3))
    became = sandbox.done("warehouse", "pick:1")

    picked, shipped, delivered = became["callbacks"]
    assert [entry["type"] for entry in became["callbacks"]] == [
        "shipment.picked",
        "shipment.shipped",
        "shipment.delivered",
    ]
    row = picked["data"]["lines"][0]
    assert (row["item_reference"], row["quantity"]) == ("pick/1", 3)
    assert len(set(row["imeis"])) == len(set(row["iccids"])) == 3
    assert all(imei.is_valid(number) and number.startswith("99") for number in row["imeis"])
    assert all(luhn.is_valid(number) and len(number) == 19 for number in row["iccids"])
    assert all(number.startswith("893315") for number in row["iccids"])
    assert shipped["data"]["carrier"] == "Colibri Express"
    assert delivered["data"]["delivered_at"] == delivered["occurred_at"]


def test_a_shipment_that_is_there_in_part_comes_in_two_parcels(sandbox: Sandbox) -> None:
    sandbox.plant(provider="warehouse", operation="shipment split$", kind="partial_stock")
    body = shipment("split")
    body["lines"].append({**body["lines"][0], "item_reference": "split/2"})
    sandbox.post("/warehouse/shipments", key="split:1", body=body)
    told = sandbox.done("warehouse", "split:1")["callbacks"]
    assert [entry["type"] for entry in told] == [
        "parcel.shipped",
        "parcel.delivered",
        "shipment.picked",
        "parcel.shipped",
        "shipment.shipped",
        "parcel.delivered",
        "shipment.delivered",
    ]
    first, last = told[0]["data"], told[3]["data"]
    assert (first["item_references"], last["item_references"]) == (["split/1"], ["split/2"])
    numbers = [first["tracking_number"], last["tracking_number"]]
    assert told[4]["data"]["tracking_number"] == ", ".join(numbers)
    assert len(set(numbers)) == 2
    assert [len(line["imeis"]) for line in told[2]["data"]["lines"]] == [1, 1]
    assert sandbox.counted("ship", "split/2")["effects"] == 1


def test_a_parcel_is_lost_on_its_way_and_the_carrier_says_so(sandbox: Sandbox) -> None:
    sandbox.plant(provider="warehouse", operation="shipment astray$", kind="lost_parcel")
    for name in ("astray", "safe"):
        sandbox.post("/warehouse/shipments", key=f"{name}:1", body=shipment(name))
    told = {
        name: sandbox.done("warehouse", f"{name}:1")["callbacks"] for name in ("astray", "safe")
    }
    assert [entry["type"] for entry in told["astray"]][-1] == "shipment.lost"
    assert [entry["type"] for entry in told["safe"]][-1] == "shipment.delivered"


def test_what_is_out_of_stock_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.post("/dropship/shipments", key="oos:1", body=shipment("oos", sku="OUT-1"))

    assert (answer.status_code, answer.json()["code"]) == (422, "out_of_stock")


def test_a_shipment_takes_the_true_time_and_can_be_cancelled_until_it_leaves(
    slow_sandbox: Sandbox,
) -> None:
    ids = {
        name: slow_sandbox.post(
            "/warehouse/shipments", key=f"{name}:1", body=shipment(name)
        ).json()["shipment_id"]
        for name in ("stays", "goes")
    }
    next_due = slow_sandbox.http.get("/_control/state").json()["next_due"]
    wait = datetime.fromisoformat(next_due) - slow_sandbox.now()
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)

    slow_sandbox.advance(3600)
    wait_for(lambda: slow_sandbox.became("warehouse", "stays:1")["result"]["state"] == "picked")
    cancelled = slow_sandbox.post(f"/warehouse/shipments/{ids['stays']}/cancel", key="stays:c")
    assert cancelled.json() == {"shipment_id": ids["stays"], "state": "cancelled"}
    slow_sandbox.advance(3 * 3600)
    wait_for(lambda: slow_sandbox.became("warehouse", "goes:1")["result"]["state"] == "shipped")
    late = slow_sandbox.post(f"/warehouse/shipments/{ids['goes']}/cancel", key="goes:c")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")

    slow_sandbox.advance(86400)
    slow_sandbox.done("warehouse", "goes:1")
    assert slow_sandbox.became("warehouse", "stays:1")["result"]["state"] == "cancelled"
    stays, goes = slow_sandbox.counted("ship", "stays/1"), slow_sandbox.counted("ship", "goes/1")
    assert (stays["in_force"], stays["undone"]) == (0, 1)
    assert (goes["in_force"], goes["undone"]) == (1, 0)


def test_a_number_is_ported_at_the_slot_of_its_day(slow_sandbox: Sandbox) -> None:
    day = datetime(2031, 11, 25, tzinfo=UTC)  # a Tuesday; Paris is an hour ahead
    slow_sandbox.advance_to(day - timedelta(days=4))
    slow_sandbox.post("/porting/requests", key="port:1", body=porting("port"))
    slow_sandbox.advance(4 * 3600 + 60)
    wait_for(lambda: slow_sandbox.became("porting", "port:1")["result"]["state"] == "scheduled")
    eligible, scheduled = slow_sandbox.became("porting", "port:1")["callbacks"]
    assert (eligible["type"], eligible["data"]["donor_operator"]) == ("port.eligible", "02")
    assert scheduled["data"]["date"] == "2031-11-25"
    assert scheduled["data"]["cut_over_at"] == "2031-11-25T07:00:00+00:00"
    assert slow_sandbox.http.get("/_control/state").json()["next_due"] == (
        "2031-11-25T07:00:00+00:00"
    )

    slow_sandbox.advance_to(day + timedelta(hours=9))
    started, completed = slow_sandbox.done("porting", "port:1")["callbacks"][-2:]
    assert (started["type"], started["data"]["started_at"]) == (
        "port.started",
        "2031-11-25T07:00:00+00:00",
    )
    assert (completed["type"], completed["data"]["ported_at"]) == (
        "port.completed",
        "2031-11-25T09:00:00+00:00",
    )


def test_a_porting_can_be_cancelled_until_eight_on_the_eve(slow_sandbox: Sandbox) -> None:
    eve = datetime(2031, 11, 24, 19, 0, tzinfo=UTC)  # 20:00 in Paris
    slow_sandbox.advance_to(eve - timedelta(days=2))
    ids = [
        slow_sandbox.post(
            "/porting/requests", key=f"eve:{n}", body=porting(f"eve{n}", msisdn="0639981234")
        ).json()["porting_id"]
        for n in range(2)
    ]
    slow_sandbox.advance_to(eve - timedelta(seconds=30))
    early = slow_sandbox.post(f"/porting/requests/{ids[0]}/cancel", key="eve:c0")
    assert early.json() == {"porting_id": ids[0], "state": "cancelled"}
    day = {"wished_on": "2031-11-26", "slot": "16:00-20:00"}
    moved = slow_sandbox.post(f"/porting/requests/{ids[1]}/move", key="eve:m0", body=day)
    assert moved.json()["state"] == "scheduled"
    back = {"wished_on": "2031-11-25", "slot": "08:00-12:00"}
    slow_sandbox.post(f"/porting/requests/{ids[1]}/move", key="eve:m1", body=back)
    led = slow_sandbox.post(
        f"/porting/requests/{ids[1]}/redirect", key="eve:r", body={"to": "0199001234"}
    )
    assert led.json()["redirected_to"] == "0199001234"
    slow_sandbox.advance(60)
    again = slow_sandbox.post(f"/porting/requests/{ids[1]}/move", key="eve:m2", body=day)
    assert (again.status_code, again.json()["code"]) == (409, "too_late")
    late = slow_sandbox.post(f"/porting/requests/{ids[1]}/cancel", key="eve:c1")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    assert slow_sandbox.counted("port", "0639981234")["in_force"] == 1


@pytest.mark.parametrize(
    ("number", "rio", "motive", "detail"),
    [
        ("0639981234", "02PA1B2C3RE-", "OPD_DATA", "RIO_FORMAT"),
        ("0639981235", "02PA1B2C3RE+", "OPD_DATA", "RIO_KEY"),
        ("0700000000", "03EZZZZZZ66D", "OPD_DATA", "RIO_UNKNOWN"),
    ],
)
def test_the_donor_refuses_with_its_motive(
    sandbox: Sandbox, number: str, rio: str, motive: str, detail: str
) -> None:
    key = f"refused:{detail}"
    sandbox.post("/porting/requests", key=key, body=porting(key, msisdn=number, rio=rio))
    became = sandbox.done("porting", key)

    assert became["status"] == "refused"
    assert [entry["type"] for entry in became["callbacks"]] == ["port.refused"]
    told = became["callbacks"][0]["data"]
    assert (told["motive"], told["sub_motive"]) == (motive, detail)
    assert sandbox.counted("port", number)["in_force"] == 0


@pytest.mark.parametrize(
    ("contract", "last", "motive", "in_force"),
    [
        ("YYA1B2", "port.refused", "OPD_INACTIVE", 0),
        ("XXA1B2", "port.refused", "OPD_IN_PROGRESS", 0),
        ("VVA1B2", "port.failed", None, 0),
        ("QQA1B2", "port.refused", "OPR_NOT_HOLDER", 0),
        ("UUA1B2", "port.refused", "OPR_INCOMPLETE", 0),
        ("TTA1B2", "port.refused", "OPR_PLAN", 0),
        ("SSA1B2", "port.refused", "OPR_TECH", 0),
        ("WWA1B2", "port.completed", None, 1),
    ],
)
def test_the_contract_reference_of_a_rio_decides_what_becomes_of_the_porting(
    sandbox: Sandbox, contract: str, last: str, motive: str | None, in_force: int
) -> None:
    number = f"06399870{'XYVWQUTSR'.index(contract[0])}0"
    rio = f"02P{contract}"
    rio += rio_key(number, rio)
    key = f"decided:{contract}"
    sandbox.post("/porting/requests", key=key, body=porting(key, msisdn=number, rio=rio))
    told = sandbox.done("porting", key)["callbacks"][-1]

    assert (told["type"], told["data"].get("motive")) == (last, motive)
    assert sandbox.counted("port", number)["in_force"] == in_force


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("wished_on", "2026-01-02", "date_past"),
        ("wished_on", "2031-11-23", "date_not_working"),
        ("wished_on", "2031-11-11", "date_not_working"),
        ("wished_on", "soon", "opr_incomplete"),
        ("rio", "", "opr_incomplete"),
        ("slot", "morning", "opr_incomplete"),
        ("msisdn", "123", "opr_incomplete"),
    ],
)
def test_the_clearing_house_refuses_what_it_can_not_forward(
    sandbox: Sandbox, field: str, value: str, code: str
) -> None:
    key = f"incomplete:{field}:{value}"
    answer = sandbox.post("/porting/requests", key=key, body=porting(key, **{field: value}))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_esim_is_ordered_confirmed_released_and_downloaded(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    ordered = sandbox.post(
        f"{ES2}/downloadOrder", key="esim:1", body={"header": HEADER, "reference": "esim/1"}
    ).json()
    iccid = ordered["iccid"]
    assert luhn.is_valid(iccid)
    assert ordered["header"] == {"functionExecutionStatus": {"status": "Executed-Success"}}
    early = sandbox.http.post(f"/_control/profiles/{iccid}/download")
    assert early.status_code == 409

    confirmed = sandbox.post(
        f"{ES2}/confirmOrder",
        key="esim:2",
        body={"header": HEADER, "iccid": iccid, "releaseFlag": False},
    ).json()
    assert confirmed["smdpAddress"] == "smdp.sandbox.invalid"
    sandbox.post(f"{ES2}/releaseProfile", key="esim:3", body={"header": HEADER, "iccid": iccid})
    profile = sandbox.became("smdp", "esim:1")["result"]
    assert profile["state"] == "Released"
    assert profile["activationCode"] == f"LPA:1$smdp.sandbox.invalid${confirmed['matchingId']}"

    assert sandbox.http.post(f"/_control/profiles/{iccid}/download").status_code == 200
    seen = wait_for(lambda: found if len(found := receiver.of("esim:1")) == 3 else None)
    told = next(each.body for each in seen if each.body["type"] == "profile.downloaded")
    assert told["reference"] == "esim/1"
    assert int(told["data"]["eid"]) % 97 == 1
    points = [(each.body["type"], each.body["data"].get("notificationPointId")) for each in seen]
    assert sorted(points) == [
        ("profile.downloaded", 3),
        ("profile.enabled", None),
        ("profile.installed", 4),
    ]
    assert sandbox.became("smdp", "esim:1")["result"]["state"] == "Enabled"
    for purpose in ("esim", "esim_confirm", "esim_release"):
        assert sandbox.counted(purpose, "esim/1")["in_force"] == 1


@pytest.mark.parametrize(
    ("function", "body", "subject", "reason"),
    [
        ("confirmOrder", {"iccid": "8933150123456789017", "releaseFlag": True}, "8.2.1", "3.9"),
        ("downloadOrder", {"iccid": "8933150123456789018"}, "8.2.1", "2.1"),
        ("downloadOrder", {"eid": "89" * 16}, "8.1.1", "2.1"),
        ("cancelOrder", {"iccid": "1", "finalProfileStatusIndicator": "Lost"}, "1.2", "4.2"),
    ],
)
def test_es2_refusals_are_failed_execution_statuses(
    sandbox: Sandbox, function: str, body: dict[str, object], subject: str, reason: str
) -> None:
    key = f"es2:{function}:{subject}"
    answer = sandbox.post(f"{ES2}/{function}", key=key, body={"header": HEADER, **body})

    assert answer.status_code == 200
    status = answer.json()["header"]["functionExecutionStatus"]
    assert status["status"] == "Failed"
    data = status["statusCodeData"]
    assert (data["subjectCode"], data["reasonCode"]) == (subject, reason)
    assert sandbox.became("smdp", key)["status"] == "refused"


def test_a_line_is_activated_changed_suspended_and_ended(sandbox: Sandbox) -> None:
    line_id = sandbox.post("/network/lines", key="line:1", body=line("line")).json()["line_id"]
    activated = sandbox.done("network", "line:1")["callbacks"][0]["data"]
    assert (activated["line_id"], activated["msisdn"]) == (line_id, "0639981234")
    assert len(activated["imsi"]) == 15

    changed = sandbox.http.patch(
        f"/network/lines/{line_id}",
        json={"plan": "FORFAIT-200"},
        headers={"Idempotency-Key": "line:2"},
    )
    assert (changed.json()["plan"], changed.json()["state"]) == ("FORFAIT-200", "active")
    states = [
        sandbox.post(f"/network/lines/{line_id}/{verb}", key=f"line:{verb}").json()["state"]
        for verb in ("restrict", "suspend", "resume", "end")
    ]
    assert states == ["restricted", "suspended", "active", "ended"]
    over = sandbox.post(f"/network/lines/{line_id}/resume", key="line:over")
    assert (over.status_code, over.json()["code"]) == (409, "wrong_state")


def test_a_line_gets_another_sim_and_the_old_one_ends_only_after_it(sandbox: Sandbox) -> None:
    line_id = sandbox.post("/network/lines", key="swap:0", body=line("swap")).json()["line_id"]
    old = sandbox.done("network", "swap:0")["callbacks"][0]["data"]["iccid"]
    new = "8933200000000000010"
    body = {"reference": "swap", "iccid": old}
    early = sandbox.post(f"/network/lines/{line_id}/sim/end", key="swap:1", body=body)
    assert (early.status_code, early.json()["code"]) == (409, "still_in_use")
    asked = {"reference": "swap", "iccid": new}
    assert sandbox.post(f"/network/lines/{line_id}/sim", key="swap:2", body=asked).is_success
    (told,) = sandbox.done("network", "swap:2")["callbacks"]
    assert (told["type"], told["data"]["iccid"]) == ("sim.activated", new)
    ended = sandbox.post(f"/network/lines/{line_id}/sim/end", key="swap:3", body=body)
    assert ended.json() == {"iccid": old, "state": "ended"}
    assert sandbox.counted("end_sim", old)["in_force"] == 1


def test_an_esim_that_can_t_be_installed_says_so(sandbox: Sandbox, receiver: Receiver) -> None:
    body: dict[str, object] = {"header": HEADER, "reference": "esim/fails"}
    made = sandbox.post(f"{ES2}/downloadOrder", key="fails:1", body=body).json()
    confirm = {"header": HEADER, "iccid": made["iccid"], "releaseFlag": True}
    sandbox.post(f"{ES2}/confirmOrder", key="fails:2", body=confirm)
    url = f"/_control/profiles/{made['iccid']}/download"
    assert sandbox.http.post(url, json={"fails": True}).json()["state"] == "Error"
    seen = wait_for(lambda: found if len(found := receiver.of("fails:1")) == 2 else None)
    failed = next(each.body["data"] for each in seen if each.body["type"] == "profile.failed")
    assert failed["notificationPointStatus"] == {"status": "Failed"}


def route(**values: object) -> dict[str, object]:
    return {
        "reference": "route/1",
        "number": "0823990107",
        "route_to": "0199001234",
        "category": "surcharged",
        "mode": "per_minute",
        "price": "0.15",
        "announced": True,
        **values,
    }


def test_calls_to_a_special_number_are_led_to_a_line_once_per_key(sandbox: Sandbox) -> None:
    answers = [sandbox.post("/network/routes", key="route:1", body=route()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    route_id = answers[0].json()["route_id"]
    (told,) = sandbox.done("network", "route:1")["callbacks"]
    assert (told["type"], told["data"]["route_id"]) == ("route.active", route_id)
    assert (told["data"]["number"], told["data"]["route_to"]) == ("0823990107", "0199001234")
    assert sandbox.counted("route", "0823990107")["in_force"] == 1
    ended = sandbox.post(f"/network/routes/{route_id}/end", key="route:end")
    assert ended.json() == {"route_id": route_id, "state": "ended"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "0639981234"),
        ("route_to", "0804990123"),
        ("route_to", "3782"),
        ("category", "cheap"),
        ("announced", False),
        ("price", "much"),
    ],
)
def test_a_route_that_can_not_be_is_refused_with_its_field(
    sandbox: Sandbox, field: str, value: object
) -> None:
    refused = sandbox.post(
        "/network/routes", key=f"route:{field}:{value}", body=route(**{field: value})
    )
    assert (refused.status_code, list(refused.json()["fields"])) == (422, [field])


def test_content_is_opened_and_its_page_says_so(sandbox: Sandbox) -> None:
    body = {"reference": "content/1", "service": "music", "customer_ref": "C-42"}
    opened = sandbox.post("/content/entitlements", key="content:1", body=body)

    assert opened.status_code == 201
    for _ in range(2):
        page = sandbox.http.get(opened.json()["activation_url"])
        assert (page.status_code, "Your access is open" in page.text) == (200, True)
    told = sandbox.done("content", "content:1")["callbacks"]
    assert [each["type"] for each in told] == ["entitlement.used"]
    sandbox.post(f"/content/entitlements/{opened.json()['entitlement_id']}/end", key="content:2")
    assert "This access is ended" in sandbox.http.get(opened.json()["activation_url"]).text
    assert sandbox.counted("entitle", "content/1", "music")["in_force"] == 1


def test_the_partner_settles_each_month_by_the_days_on_which_a_service_was_there(
    slow_sandbox: Sandbox,
) -> None:
    begun = slow_sandbox.now()
    first = datetime(begun.year + 1, 3, 1, 12, tzinfo=UTC)
    slow_sandbox.advance_to(first - timedelta(days=3))
    body = {"service": "music", "customer_ref": "P-1"}
    ids = [
        slow_sandbox.post(
            "/content/entitlements", key=f"settle:{name}", body={"reference": name, **body}
        ).json()["entitlement_id"]
        for name in ("S-1/stays", "S-1/ends")
    ]
    slow_sandbox.advance_to(first + timedelta(days=9))
    slow_sandbox.post(f"/content/entitlements/{ids[1]}/end", key="settle:end")
    month = f"/content/settlements/{first:%Y-%m}"
    early = slow_sandbox.http.get(month)
    assert (early.status_code, early.json()["code"]) == (409, "not_over")
    slow_sandbox.advance_to(first + timedelta(days=31))
    told = slow_sandbox.http.get(month).json()
    assert {line["reference"]: line["days"] for line in told["lines"]} == {
        "S-1/stays": 31,
        "S-1/ends": 9,
    }


def test_the_biller_takes_subscriptions_and_charges(sandbox: Sandbox) -> None:
    charge = {
        "reference": "bill/1",
        "account_reference": "BA-1",
        "amount": "19.99",
        "currency": "EUR",
        "description": "Activation",
    }
    assert sandbox.post("/biller/charges", key="bill:1", body=charge).status_code == 201
    wrong = sandbox.post("/biller/charges", key="bill:2", body=charge | {"amount": "much"})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["amount"])
    begun = sandbox.post(
        "/biller/subscriptions",
        key="bill:3",
        body={"reference": "bill/2", "account_reference": "BA-1", "starts_on": "2026-12-01"},
    )
    assert begun.json()["state"] == "active"
    assert sandbox.counted("charge", "bill/1")["effects"] == 1


def test_the_biller_changes_and_ends_what_it_was_told_of(sandbox: Sandbox) -> None:
    told = {"account_reference": "BA-1", "subscription_reference": "S-1"}
    begun = {"reference": "S-1", "account_reference": "BA-1", "starts_on": "2026-12-01"}
    item = {"reference": "1", "offering": "plan", "charges": []}
    sandbox.post("/biller/subscriptions", key="1", body={**begun, "items": [item]})
    change = {**told, "reference": "C-1", "kind": "remove", "on": "2027-01-01", "ends": ["1"]}
    answers = [
        sandbox.post("/biller/changes", key="2", body=change),
        sandbox.post("/biller/changes", key="3", body={**change, "reference": "C-2"}),
        sandbox.post("/biller/changes", key="4", body={**change, "subscription_reference": "S-2"}),
        sandbox.post(
            "/biller/ends", key="5", body={**told, "reference": "E-1", "ends_on": "2027-02-01"}
        ),
        sandbox.post("/biller/changes", key="6", body={**change, "reference": "C-3"}),
    ]
    assert [(a.status_code, a.json().get("code")) for a in answers] == [
        (201, None),
        (422, "unknown_item"),
        (404, "not_found"),
        (201, None),
        (409, "wrong_state"),
    ]
    assert sandbox.counted("change", "C-1")["effects"] == 1
    assert sandbox.counted("end_subscription", "E-1")["effects"] == 1


def test_messages_are_found_by_number_in_any_form_and_read_in_the_inbox(sandbox: Sandbox) -> None:
    text = "Payez ici : https://shop.example/p/7K2-Q9F?a=1&b=2."
    sandbox.post("/messages/sms", key="mail:1", body=sms("mail-1", text=text, to="0639980001"))
    mail = {
        "to": "ada@example.org",
        "subject": "<Contrat>",
        "text": "Bonjour",
        "html": "<p>Bonjour</p>",
        "reference": "mail-2",
    }
    message_id = sandbox.post("/messages/emails", key="mail:2", body=mail).json()["message_id"]

    for to in ("0639980001", "+33639980001", "06 39 98 00 01"):
        found = sandbox.http.get("/_control/messages", params={"to": to}).json()["messages"]
        assert [message["text"] for message in found] == [text]
    inbox = sandbox.http.get("/inbox").text
    assert '<a href="https://shop.example/p/7K2-Q9F?a=1&amp;b=2">' in inbox
    assert "&lt;Contrat&gt;" in inbox
    page = sandbox.http.get(f"/inbox/{message_id}/html")
    assert "<p>Bonjour</p>" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox ")


def test_an_outage_is_switched_on_the_dashboard_but_not_from_another_site(
    sandbox: Sandbox,
) -> None:
    form = {"provider": "content"}
    foreign = sandbox.http.post("/act/outage", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert sandbox.http.post("/act/outage", data=form).status_code == 303
    assert "Off: switch on" in sandbox.http.get("/").text
    assert sandbox.post("/content/entitlements", key="dash:1").status_code == 503
    sandbox.http.post("/act/outage", data=form)
    assert "Off: switch on" not in sandbox.http.get("/").text
