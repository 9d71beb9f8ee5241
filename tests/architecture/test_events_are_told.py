"""Every event is told to others by webhook, documented and described, or named as ours alone."""

import inspect
import sys

from commerce.events.management.commands.events import with_table
from commerce.events.outbox import Event
from commerce.events.registry import told_outside
from commerce.local.place import ROOT
from tests.api.test_openapi import DOCUMENT

DOCUMENTED = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def events() -> set[str]:
    """The events of the product; what tests make up is none."""
    return {
        kind.__name__
        for kind in Event.__subclasses__()
        if not kind.__module__.startswith("tests")
        and getattr(sys.modules[kind.__module__], kind.__name__, None) is kind
    }


def test_an_event_is_told_outside_or_named_as_told_inside_only() -> None:
    inside = DOCUMENTED.partition("Told inside only:")[2].partition("\n")[0]
    missing = {name for name in events() - set(told_outside()) if f"`{name}`" not in inside}
    assert len(events()) >= 27
    assert missing == set(), "name them in commerce/wiring.py, or in docs/events.md as ours alone"


def test_the_table_of_events_is_the_one_of_the_code() -> None:
    assert with_table(DOCUMENTED) == DOCUMENTED, "run manage.py events"


def test_every_event_outside_says_what_it_means() -> None:
    plain = {
        each.name
        for each in told_outside().values()
        if not inspect.getdoc(each.event)
        or (each.event.__doc__ or "").startswith(f"{each.event.__name__}(")
    }
    assert plain == set()


def test_the_openapi_document_describes_every_webhook() -> None:
    described = DOCUMENT["webhooks"]
    assert set(described) == {each.name for each in told_outside().values()}
    placed = described["order.placed"]["post"]["requestBody"]["content"]["application/json"]
    body = placed["schema"]
    assert body["properties"]["type"] == {"type": "string", "const": "order.placed"}
    assert body["properties"]["data"]["required"] == ["number", "party_id", "state"]
    assert [each["name"] for each in described["order.placed"]["post"]["parameters"]] == [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
