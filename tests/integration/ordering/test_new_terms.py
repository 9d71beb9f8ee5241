"""Changes of running contracts that we announce: told in time, left freely, billed as was said."""

from collections.abc import Mapping
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from commerce.accounts.identity import AccountContext
from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.changes import ChangeRequest, When
from commerce.ordering.models import Order
from commerce.ordering.services.changes import quote_change
from commerce.ordering.services.new_terms import on_apply_due
from commerce.ordering.services.unwinding import begun_order
from commerce.ordering.timeline import timeline_of
from subscriptions.contracts.selectors import subscription_view
from subscriptions.contracts.services.terms import Announcement, announce_terms, on_tell_due
from subscriptions.contracts.terms import leaves_freely_until, progress_of
from subscriptions.domain.states import ChangeKind
from subscriptions.models import (
    BillingAccount,
    Parking,
    Subscription,
    SubscriptionItem,
    TermsChange,
    TermsNotice,
)
from subscriptions.reconciling.audit import bills_against_promises
from tests.integration.ordering.test_changes import AT, added, carried_out, ordered
from tests.integration.ordering.test_plan_change import plan
from tests.integration.ordering.test_terminating import contract
from tests.integration.subscriptions.contracts import at, bills, run

__all__ = ["AT"]
TODAY, FROM, EFFECTIVE = date(2028, 1, 10), date(2028, 2, 15), date(2028, 2, 23)
"""In the 14th month of 24; bills are made on each 23rd."""
LEAVE_UNTIL = date(2028, 6, 23)
SAID = {
    "fr": "Votre forfait Horizon devient Grand large : 300 Go au lieu de 130.",
    "en": "Your Horizon plan becomes Grand large: 300 GB instead of 130.",
}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def announced(**changed: Any) -> int:
    told: dict[str, Any] = {
        "code": "horizon-2028", "offering": "horizon-130", "segment": "consumer",
        "from_on": FROM, "names": SAID, "successor": "grand-large-300", **changed,
    }  # fmt: skip
    with business_time_fixed(at(TODAY)):
        terms = announce_terms(Announcement(**told), by="Ines")
        on_tell_due({"terms": terms, "after": 0})
        on_tell_due({"terms": terms, "after": 0})
    return terms


def applied(terms: int, *, on: date = date(2028, 2, 21)) -> None:
    with business_time_fixed(at(on, 1)):
        on_apply_due({"terms": terms, "day": EFFECTIVE.isoformat(), "after": 0})


def leaving(context: AccountContext, *, on: date) -> Mapping[str, str]:
    with business_time_fixed(at(on)):
        shown = quote_change(
            context,
            subscription_id=Subscription.objects.get().pk,
            request=ChangeRequest(ChangeKind.TERMINATE),
        ).leaving
    assert shown is not None
    return {"owed": str(shown.owed.rounded().amount), "free_until": str(shown.free_until)}


def test_everybody_is_told_once_a_month_before_with_his_right_to_leave() -> None:
    contract()
    terms = announced()
    notice = TermsNotice.objects.get()
    assert (notice.effective_on, notice.outcome) == (EFFECTIVE, "")
    (told,) = Message.objects.filter(code="terms_change")
    assert (told.channel, "23/02/2028" in told.subject) == ("email", True)
    assert SAID["fr"] in told.text
    assert "sans frais dès maintenant et jusqu'au 23/06/2028" in told.text
    due = Timer.objects.get(handler="terms-apply").due_at
    assert due.astimezone(PARIS) == datetime(2028, 2, 21, 0, 10, tzinfo=PARIS)
    assert progress_of("horizon-2028").told == 1
    assert TermsChange.objects.get(pk=terms).announced_by == "Ines"


@pytest.mark.parametrize(
    ("segment", "page"),
    [("consumer", "/account/lines/{}/"), ("business", "/portal/lines/{}/timeline/")],
)
def test_the_link_leads_to_the_line_where_its_holder_may_read_it(segment: str, page: str) -> None:
    contract()
    BillingAccount.objects.update(segment=segment)
    announced(segment=segment)
    text = Message.objects.get(code="terms_change").text
    assert page.format(Subscription.objects.get().pk) in text


def test_the_new_price_is_billed_from_its_day_on_by_a_promise_of_its_own() -> None:
    owner = contract(phone=None)
    terms = announced()
    with business_time_fixed(at(date(2028, 1, 23), 4)):
        run(date(2028, 1, 23))
    applied(terms)
    applied(terms)
    (order,) = Order.objects.all()
    assert (order.change, order.begins_on, order.actor_kind) == ("plan", EFFECTIVE, "system")
    assert progress_of("horizon-2028").applied == 1
    subscribers.on_order_accepted({"number": order.number})
    assert not Message.objects.filter(code="order_accepted").exists()
    carried_out(order.number, on=EFFECTIVE)
    held = subscription_view(owner.party_id or 0, Subscription.objects.get().pk)
    assert "grand-large-300" in {item.offering for item in held.items_on(EFFECTIVE)}
    for day in (EFFECTIVE, date(2028, 3, 23)):
        with business_time_fixed(at(day, 4)):
            run(day)
    assert [bill[2] for bill in bills()][-3:] == ["19.99", "29.99", "29.99"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_who_does_not_want_it_leaves_free_of_charge_until_four_months_after() -> None:
    owner = contract()
    line = Subscription.objects.get().pk
    assert leaving(owner, on=TODAY) == {"owed": "40.37", "free_until": "None"}
    announced()
    assert leaves_freely_until(line, on=date(2028, 1, 9)) is None
    assert leaving(owner, on=TODAY) == {"owed": "0.00", "free_until": "2028-06-23"}
    assert leaving(owner, on=LEAVE_UNTIL)["owed"] == "0.00"
    assert leaving(owner, on=date(2028, 6, 24)) == {"owed": "18.52", "free_until": "None"}


def test_another_change_that_is_under_way_goes_first_and_who_has_left_is_left_alone() -> None:
    owner = contract()
    terms = announced()
    line = Subscription.objects.get().pk
    own = plan("grand-large-300", when=When.CYCLE_END)
    placed, _ = ordered(owner, line, own, on=date(2028, 1, 24))
    applied(terms)
    assert (Order.objects.count(), TermsNotice.objects.get().outcome) == (1, "")
    again = Timer.objects.get(handler="terms-apply").due_at.astimezone(PARIS)
    assert again.date() == date(2028, 2, 22)
    carried_out(placed.number, on=EFFECTIVE)
    # What he chose himself is not what we change: he stays bound by it, at once.
    assert leaving(owner, on=EFFECTIVE) == {"owed": "51.91", "free_until": "None"}
    applied(terms, on=EFFECTIVE)
    assert (Order.objects.count(), TermsNotice.objects.get().outcome) == (1, "left")
    assert leaving(owner, on=EFFECTIVE)["free_until"] == "None"


def test_a_line_that_stands_still_waits_and_changes_with_the_bill_after_its_day() -> None:
    contract()
    terms = announced()
    line = Subscription.objects.get()
    line.status = "suspended"
    line.save()
    applied(terms)
    assert (Order.objects.count(), TermsNotice.objects.get().outcome) == (0, "")
    line.status = "active"
    line.save()
    for day in (date(2028, 1, 23), EFFECTIVE):
        with business_time_fixed(at(day, 4)):
            run(day)
    applied(terms, on=date(2028, 3, 1))
    after = date(2028, 3, 23)
    assert Order.objects.get().begins_on == after
    notice = TermsNotice.objects.get()
    assert (notice.outcome, notice.effective_on) == ("applied", after)
    carried_out(Order.objects.get().number, on=after)
    with business_time_fixed(at(after, 4)):
        run(after)
    assert [bill[2] for bill in bills()][-2:] == ["19.99", "29.99"]
    assert all(check.equal for check in bills_against_promises())


def test_what_one_contract_is_refused_holds_up_no_other() -> None:
    contract()
    terms = announced()
    TermsChange.objects.update(successor="grand-large-100000")
    applied(terms)
    assert (progress_of("horizon-2028").refused, Order.objects.count()) == (1, 0)


def test_nobody_loses_an_option_of_which_he_was_not_told() -> None:
    owner = contract(phone=None)
    option, _ = ordered(owner, Subscription.objects.get().pk, added("escale-monde"), on=TODAY)
    carried_out(option.number, on=TODAY)
    terms = announced(successor="mini-20")
    applied(terms)
    assert (progress_of("horizon-2028").refused, Order.objects.count()) == (1, 1)


def test_only_we_call_it_off_and_what_was_called_off_is_ordered_anew() -> None:
    owner = contract()
    terms = announced()
    applied(terms)
    (order,) = Order.objects.all()
    with business_time_fixed(at(date(2028, 2, 21))), pytest.raises(RuleViolated) as refused:
        begun_order(owner, number=order.number)
    assert refused.value.code == "done_as_announced"
    Order.objects.update(state="cancelled")
    with business_time_fixed(at(date(2028, 2, 22))):
        subscribers.on_order_cancelled({"number": order.number})
    assert TermsNotice.objects.get().outcome == ""
    again = Timer.objects.get(handler="terms-apply").due_at.astimezone(PARIS)
    assert again.date() == EFFECTIVE
    applied(terms, on=EFFECTIVE)
    assert (Order.objects.count(), TermsNotice.objects.get().outcome) == (2, "applied")


def test_a_commitment_that_was_taken_on_by_who_had_been_told_holds() -> None:
    owner = contract()
    announced(successor="")
    renewed = date(2028, 1, 24)
    Subscription.objects.update(commitment_ends_on=date(2030, 1, 24))
    assert leaving(owner, on=renewed)["free_until"] == "None"
    assert leaves_freely_until(Subscription.objects.get().pk, on=renewed) == LEAVE_UNTIL


def test_conditions_alone_change_by_themselves() -> None:
    owner = contract()
    terms = announced(successor="")
    applied(terms)
    assert (TermsNotice.objects.get().outcome, Order.objects.count()) == ("applied", 0)
    line = Subscription.objects.get().pk
    with business_time_fixed(at(TODAY)):
        found = timeline_of(owner.party_id or 0, line)
    assert [(str(each.on), each.title.pattern) for each in found if each.topic == "terms"] == [
        ("2028-01-10", "A change was announced: %(what)s"),
        ("2028-02-23", "What was announced takes effect."),
        ("2028-06-23", "The last day to leave free of charge for it."),
    ]


def test_who_can_not_be_told_keeps_what_he_has() -> None:
    contract()
    Party.objects.update(email="")
    terms = announced()
    applied(terms)
    assert progress_of("horizon-2028").unreachable == 1
    assert (Order.objects.count(), Message.objects.count()) == (0, 0)
    assert leaves_freely_until(Subscription.objects.get().pk, on=TODAY) is None


@pytest.mark.parametrize(
    ("changed", "refusal", "code"),
    [
        ({"from_on": date(2028, 2, 9)}, InvalidInput, "notice_too_short"),
        ({"names": {"fr": "Tout change."}}, InvalidInput, "names_missing"),
        ({"offering": "unheard-of"}, NotFound, "unknown_offering"),
        ({"successor": "unheard-of"}, NotFound, "unknown_offering"),
        ({"successor": "ondine-musique"}, InvalidInput, "not_a_plan"),
        ({"segment": "business"}, RuleViolated, "nobody_touched"),
    ],
)
def test_what_can_not_be_announced(
    changed: dict[str, Any], refusal: type[Exception], code: str
) -> None:
    contract()
    with pytest.raises(refusal) as refused:
        announced(**changed)
    assert refused.value.code == code  # type: ignore[attr-defined]
    assert not TermsChange.objects.exists()


def test_an_operator_announces_it_from_a_file(tmp_path: Path) -> None:
    contract()
    file = tmp_path / "horizon.yaml"
    file.write_text(
        "code: horizon-2028\noffering: horizon-130\nsegment: consumer\nfrom_on: 2028-02-15\n"
        "names: {fr: Nouvelles conditions., en: New conditions.}\n"
    )
    said = StringIO()
    with business_time_fixed(at(TODAY)):
        call_command("announce_terms", str(file), dry_run=True, stdout=said)
        assert (said.getvalue(), TermsChange.objects.count()) == ("1 contracts\n", 0)
        call_command("announce_terms", str(file), by="Ines", stdout=said)
        on_tell_due({"terms": TermsChange.objects.get().pk, "after": 0})
        call_command("announce_terms", str(file), progress=True, stdout=said)
    assert said.getvalue().endswith("told 1, unreachable 0, applied 0, left 0, refused 0\n")
    assert SubscriptionItem.objects.filter(terms_notices__isnull=False).count() == 1
