"""A change of a contract is told to an external biller as it would be made by our own billing."""

import json
from datetime import date
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import OrderItem
from orchestration.adapters import client
from orchestration.adapters.http import HttpBilling
from orchestration.adapters.local_billing import LocalBilling
from orchestration.ports import BillingChange
from orchestration.services.plans import create_plans
from subscriptions.contracts.selectors import held_items, subscription_view
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.models import Subscription, SubscriptionItem
from tests.integration.orchestration.test_http_billing import biller
from tests.integration.ordering.test_changes import AT, LATE, added, ordered, renewed
from tests.integration.ordering.test_next_offers import ORDER
from tests.integration.ordering.test_replacing import NEW, OLD, sim
from tests.integration.ordering.test_replacing import number as number_wish
from tests.integration.sandbox_providers.harness import Sandbox
from tests.integration.subscriptions.contracts import at

__all__ = ["AT", "biller"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def told(sandbox: Sandbox, owner: AccountContext, line: int, *, number: str, on: date) -> Any:
    """What the biller, who knows the contract, is told of the change; its answer's facts; and what
    its books hold of the contract then."""
    contract = subscription_view(owner.party_id or 0, line)
    known = {
        "reference": f"{contract.order_number}/{contract.group}",
        "account_reference": f"P-{owner.party_id}",
        "starts_on": contract.activated_on.isoformat(),
        "facts": {"msisdn": contract.msisdn, "iccid": contract.iccid},
        "items": [
            {"reference": f"{item.order_number}/{item.line_id}", "charges": []}
            for item in contract.items
        ],
    }
    begun = sandbox.post("/biller/subscriptions", key="begun", body=known).json()
    sent: list[Any] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    change = BillingChange(number, "change", owner.party_id or 0, on)
    first = HttpBilling().change(change, key="c")
    assert HttpBilling().change(change, key="c") == first
    assert sent[0] == sent[1]
    books = sandbox.http.get(f"/biller/subscriptions/{begun['subscription_id']}").json()
    return sent[0], first.facts, books


@pytest.mark.parametrize("request_of", [lambda: added("escale-monde"), renewed])
def test_it_is_told_what_begins_and_ends_on_the_day(
    biller: Sandbox, owner: AccountContext, line: int, request_of: Any
) -> None:
    with business_time_fixed(at(LATE)):
        placed, _ = ordered(owner, line, request_of())
        create_plans(order_number=placed.number)
        body, facts, _ = told(biller, owner, line, number=placed.number, on=LATE)
        before = set(SubscriptionItem.objects.filter(until_on=None).values_list("pk", flat=True))
        LocalBilling().change(BillingChange(placed.number, "change", 0, LATE), key="c")
    begun = SubscriptionItem.objects.exclude(pk__in=before)
    ended = SubscriptionItem.objects.filter(pk__in=before, until_on=LATE)
    assert str(facts["change_id"]).startswith("bcg_")
    assert body["on"] == LATE.isoformat()
    assert {item["offering"] for item in body["begins"]} == set(
        begun.values_list("offering", flat=True)
    )
    assert sorted(body["ends"]) == [
        f"{ORDER}/{line}" for line in sorted(ended.values_list("line_id", flat=True))
    ]
    assert biller.counted("change", f"{placed.number}/change")["effects"] == 1


def test_it_is_told_of_a_standstill(biller: Sandbox, owner: AccountContext, line: int) -> None:
    with business_time_fixed(at(LATE)):
        request = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
        stopped, _ = ordered(owner, line, request)
        body, *_ = told(biller, owner, line, number=stopped.number, on=LATE)
        assert (body["begins"], body["ends"], body["blocks"]) == ([], [], "lost_sim")


def test_a_contract_that_ends_is_ended_there_once(
    biller: Sandbox, owner: AccountContext, line: int
) -> None:
    end = date(2028, 9, 20)
    with business_time_fixed(at(LATE)):
        placed, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
        body, facts, books = told(biller, owner, line, number=placed.number, on=end)
    assert (body["kind"], books["state"], books["ends_on"]) == ("terminate", "ended", "2028-09-20")
    assert (body["ends_on"], str(facts["change_id"])[:4]) == ("2028-09-20", "bed_")
    assert biller.counted("end_subscription", f"{placed.number}/change")["effects"] == 1
    assert Subscription.objects.get().status == "active"


def test_another_number_and_another_sim_stand_in_its_books_as_in_ours(
    biller: Sandbox, owner: AccountContext, line: int
) -> None:
    Subscription.objects.update(iccid=OLD)
    wish = number_wish("0639980042")
    with business_time_fixed(at(LATE)):
        renumbered, _ = ordered(owner, line, wish)
        learnt = {"msisdn": "0639980042", "old_msisdn": "0639980001"}
        OrderItem.objects.filter(order__number=renumbered.number).update(facts=learnt)
        body, _, books = told(biller, owner, line, number=renumbered.number, on=LATE)
    assert (body["kind"], body["facts"]) == ("number", {"msisdn": "0639980042"})
    assert (body["begins"], body["ends"]) == ([], [])
    assert books["facts"] == {"msisdn": "0639980042", "iccid": OLD}
    with business_time_fixed(at(LATE)):
        swapped, _ = ordered(owner, line, sim(code="esim"))
        chip = OrderItem.objects.filter(order__number=swapped.number, role="sim")
        chip.update(facts={"iccid": NEW, "lpa": "LPA:1$a$b"})
        HttpBilling().change(BillingChange(swapped.number, "change", 0, LATE), key="s")
        LocalBilling().change(BillingChange(swapped.number, "change", 0, LATE), key="s")
    books = biller.http.get(f"/biller/subscriptions/{books['subscription_id']}").json()
    assert books["facts"] == {"msisdn": "0639980042", "iccid": NEW, "lpa": "LPA:1$a$b"}
    running = [item["reference"] for item in books["items"] if item["until_on"] is None]
    held = [each for each in held_items(line) if not each.ended_by]
    assert sorted(running) == sorted(f"{each.order_number}/{each.line_id}" for each in held)
