"""A temporary number at the providers of the sandbox: what they do is what is worked out for it."""

from collections import Counter
from dataclasses import replace

import pytest

from commerce.local.demo.effects import line_of
from commerce.notifications.models import Message
from commerce.ordering.models import OrderItem
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from orchestration.models import Porting
from subscriptions.models import Subscription
from tests.integration.orchestration.test_withdrawing import PHONE, bought, outside
from tests.integration.ordering.conftest import at, committed_shop
from tests.integration.ordering.people import KEPT, bundle_cart, customer
from tests.integration.sandbox_providers.harness import Sandbox

__all__ = ["at", "committed_shop", "outside"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_line_begins_under_its_temporary_number_and_is_given_its_own(
    committed_shop: object, outside: Sandbox
) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=PHONE)
    lines = cart_view(owner, code=code).quote.lines
    line = next(line.id for line in lines if line.role == "plan")
    carts.choose_number(owner, code=code, line_id=line, choice=replace(KEPT, temporary=True))
    number = bought(code, owner)
    item = OrderItem.objects.get(order__number=number, line_id=line)
    own, lent = item.config["msisdn"], item.facts["temporary"]
    row = {"line_id": line, "group": item.group, "facts": item.facts}
    expected = {*line_of(number, row), ("porting", "port", own)}
    assert expected == {
        ("network", "activate", lent),
        ("network", "change", lent, f"{number}/{item.group}"),
        ("porting", "port", own),
    }
    ledger = outside.http.get("/_control/ledger?parts=by_identity").json()["by_identity"]
    found = Counter(
        {(each["provider"], *map(str, each["identity"])): each["in_force"] for each in ledger}
    )
    assert {each: found[each] for each in expected} == dict.fromkeys(expected, 1)
    contract = Subscription.objects.get()
    assert (contract.msisdn, Porting.objects.get().state) == (own, "ported")
    assert Message.objects.filter(code="line_rio").count() == 1
