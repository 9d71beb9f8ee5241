"""What lines used: taken in once however often it is said, shown, and made into an offer."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from catalogue.domain.usage import Dimension
from commerce.accounts.kinds import Channel
from commerce.accounts.models import StaffRole, User
from commerce.kernel.clock import business_time_fixed
from subscriptions.domain.consumption import Report
from subscriptions.models import Consumption, Subscription, SubscriptionItem
from subscriptions.usage.services.consumption import ConsumptionRefused, Taken, take_consumption
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.test_next_offers import begin, codes, shown
from tests.integration.subscriptions.contracts import at

START, TODAY = date(2026, 11, 23), date(2027, 6, 15)
AT = at(START)
LINE = "06 39 98 00 01"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def user() -> Iterator[User]:
    """A customer with a line of 130 GB since November, in June."""
    person = PersonFactory.create()
    begin(person.pk)
    found = UserFactory.create(party=person, first_name="Camille", language="en")
    with business_time_fixed(at(TODAY)):
        yield found


def report(
    month: int, used: str, *, counted: datetime | None = None, of: Dimension = Dimension.DATA
) -> Report:
    return Report(LINE, date(2027, month, 1), of, Decimal(used), counted or at(date(2027, 6, 14)))


def stored() -> list[tuple[int, str, str, str | None]]:
    rows = Consumption.objects.order_by("month", "dimension")
    return [
        (r.month.month, r.dimension, str(r.used), None if r.included is None else str(r.included))
        for r in rows
    ]


def test_a_record_counts_once_and_a_later_count_replaces_it(user: User) -> None:
    first = [report(5, "90"), report(5, "340", of=Dimension.CALLS)]
    assert take_consumption(first) == Taken(2, 0, 0)
    assert take_consumption(first) == Taken(0, 0, 2)
    assert take_consumption([report(5, "95.5", counted=at(TODAY))]) == Taken(0, 1, 0)
    assert take_consumption([report(5, "12", counted=at(date(2027, 6, 1)))]) == Taken(0, 0, 1)
    assert stored() == [(5, "data_gb", "95.500", "130.000"), (5, "minutes", "340.000", None)]


def test_each_plan_of_a_month_includes_all_that_it_names_and_an_option_adds(user: User) -> None:
    plan = SubscriptionItem.objects.get(offering="horizon-130")
    SubscriptionItem.objects.filter(pk=plan.pk).update(until_on=date(2027, 5, 10))
    for line, code in (("p2", "grand-large-300"), ("o1", "rallonge-50")):
        SubscriptionItem.objects.create(
            subscription=plan.subscription, line_id=line, offering=code, from_on=date(2027, 5, 10)
        )
    take_consumption([report(4, "1"), report(5, "1")])
    assert [included for *_, included in stored()] == ["130.000", "480.000"]


def test_what_can_not_be_is_said_and_nothing_is_stored(user: User) -> None:
    unknown = replace(report(5, "1"), line="06 39 98 99 99")
    with pytest.raises(ConsumptionRefused) as refused:
        take_consumption(
            [report(4, "10"), unknown, report(4, "11"), report(7, "1"),
             report(3, "1", counted=at(date(2027, 6, 16)))]
        )  # fmt: skip
    assert [(fault.place, fault.field) for fault in refused.value.faults] == [
        (1, "line"), (2, "line"), (3, "month"), (4, "counted_at"),
    ]  # fmt: skip
    assert stored() == []


def test_a_file_is_taken_in_as_a_whole_or_refused_line_by_line(
    user: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "use.csv"
    good = f"{LINE};2027-05;data_gb;130;2027-06-01T00:00:00+02:00\n"
    heading = "line;month;allowance;used;counted_at\n"
    path.write_text(
        f"{heading}{good}{LINE};2027-5x;data;-1;2027-06-01\n0639989999;2027-05;minutes;3;"
        "2027-06-01T00:00:00Z\n"
    )
    with pytest.raises(CommandError) as refused:
        call_command("import_consumption", str(path))
    assert str(refused.value).split("\n") == [
        "use.csv:3: allowance: One of: data_gb, minutes, messages, europe_gb.",
        "use.csv:3: counted_at: An instant with its zone, as 2026-11-22T06:00:00+01:00.",
        "use.csv:3: month: A month like 2026-11.",
        "use.csv:3: used: An amount like 12.5, with three decimals at most.",
        "Nothing was imported.",
    ]
    path.write_text(f"{heading}{good}0639989999;2027-05;minutes;3;2027-06-01T00:00:00Z\n")
    with pytest.raises(CommandError) as refused:
        call_command("import_consumption", str(path), language="fr")
    assert str(refused.value).split("\n")[0] == (
        "use.csv:3: line: Aucune ligne 0639989999 n’était en service ce mois-là."
    )
    assert stored() == []
    path.write_text(heading + good)
    for said in ("1 records are new, 0 replaced", "0 records are new, 0 replaced"):
        call_command("import_consumption", str(path))
        assert said in capsys.readouterr().out


def test_data_that_is_often_used_up_is_an_offer_on_the_three_channels(user: User) -> None:
    take_consumption([report(5, "130"), report(4, "129.9")])
    assert codes(user, TODAY) == []
    take_consumption([report(3, "131")])
    (offer,) = shown(user, TODAY)
    assert offer.prepared.due.rule.code == "more-data"
    assert offer.prepared.due.because["line.data_gb_used_up_of_3"] == "2"
    assert offer.prepared.lead.offering == "rallonge-50"
    (by_phone,) = shown(user, TODAY, channel=Channel.CALL_CENTRE)
    assert by_phone.id == offer.id
    assert codes(user, date(2027, 7, 1)) == []
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    (by_api,) = client.get("/api/v1/next-offers").json()["items"]
    assert (by_api["id"], by_api["quote"]["monthly"][0]["amount"]["amount"]) == (offer.id, "5.99")


def test_the_customer_and_the_agent_see_it_in_plain_words(user: User) -> None:
    take_consumption([report(6, "97.5"), report(6, "340", of=Dimension.CALLS),
                      report(5, "120"), report(4, "100.2")])  # fmt: skip
    line = Subscription.objects.get().pk
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    text = client.get(f"/account/lines/{line}/").content.decode().replace("\u00a0", " ")
    assert "Used in June 2027" in text
    assert "97.5 GB used of 130 GB" in text
    assert "340 minutes used, without limit" in text
    answer = client.get(f"/api/v1/subscriptions/{line}/consumption").json()
    assert [(i["month"], i["used"], i["included"]) for i in answer["items"]] == [
        ("2027-04", "100.2", "130"), ("2027-05", "120", "130"),
        ("2027-06", "97.5", "130"), ("2027-06", "340", None),
    ]  # fmt: skip
    assert answer["usual"] == {"data_gb": 111, "minutes": 0, "messages": 0}
    guide = client.get("/build/usage/").content.decode().replace("\u00a0", " ")
    assert "06 39 98 00 01 used 111 GB in a usual month." in guide
    assert 'href="?data=111"' in guide
    agent = UserFactory.create(first_name="Nadia", last_name="Benali")
    StaffRole.objects.create(user=agent, kind="agent")
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(agent, "django.contrib.auth.backends.ModelBackend")
    about = {"reason": "order", "channel": "call_centre", "party": user.party_id}
    desk.post("/agent/contacts/", about)
    screen = desk.get("/agent/contact/").content.decode().replace("\u00a0", " ")
    assert "97.5 GB used of 130 GB" in screen
    assert "used 111 GB in a usual month" in desk.get("/agent/guide/usage/").content.decode(
        ).replace("\u00a0", " ")  # fmt: skip


def test_nobody_sees_the_use_of_anothers_line(user: User) -> None:
    take_consumption([report(5, "120")])
    line = Subscription.objects.get().pk
    other = Client()
    stranger = UserFactory.create(party=PersonFactory.create(display_name="Nora Petit"))
    other.force_login(stranger, "django.contrib.auth.backends.ModelBackend")
    assert other.get(f"/api/v1/subscriptions/{line}/consumption").status_code == 404
    body = json.dumps({"records": []})
    refused = other.post("/api/v1/consumption", body, content_type="application/json")
    assert refused.status_code == 403


def test_use_is_invented_for_a_demonstration_only(
    user: User, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invent_consumption")
    assert "12 records were invented, 0 were there." in capsys.readouterr().out
    assert codes(user, TODAY) == ["more-data"]
    settings.VIRTUAL_CLOCK = False  # type: ignore[attr-defined]
    with pytest.raises(CommandError):
        call_command("invent_consumption")


def test_a_line_that_has_ended_uses_nothing_after_its_last_month(user: User) -> None:
    Subscription.objects.update(ended_on=date(2027, 4, 20))
    assert take_consumption([report(4, "20")]) == Taken(1, 0, 0)
    with pytest.raises(ConsumptionRefused) as refused:
        take_consumption([report(5, "90")])
    assert [(fault.place, fault.field) for fault in refused.value.faults] == [(0, "line")]
    assert stored() == [(4, "data_gb", "20.000", "130.000")]
