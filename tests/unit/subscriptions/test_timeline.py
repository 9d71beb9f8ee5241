"""The timeline of a contract: what is told, why, by whom and in which order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain import timeline as telling
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.dunning import EntryKind
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.timeline import (
    Act,
    Amends,
    Answered,
    Billed,
    Changed,
    Debited,
    Dunned,
    Entry,
    Held,
    Life,
    timeline,
)

BEGAN, TODAY = date(2026, 11, 23), date(2027, 3, 10)
PLAN, MUSIC, ROAMING = {"en": "Horizon 130"}, {"en": "Ondine Music"}, {"en": "Escale"}
SIX_FREE = Benefit("six-free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 6)
CHARGE = AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom", benefits=(SIX_FREE,))
BEGIN = Act("F-1", datetime(2026, 11, 20, 9, tzinfo=PARIS), by="Camille", channel="web")
LIFE = Life(
    order="F-1",
    began_on=BEGAN,
    ended_on=None,
    cycle_day=23,
    commitment_months=24,
    commitment_ends_on=date(2028, 11, 23),
    acts=[BEGIN],
    items=[
        Held(
            1,
            "F-1",
            PLAN,
            BEGAN,
            None,
            None,
            None,
            [CHARGE],
            {"six-free": {"en": "Six months free"}},
        )
    ],
)


def told(life: Life, *, today: date = TODAY) -> list[tuple[str, str, bool]]:
    return [(str(each.on), _text(each), each.coming) for each in timeline(life, today=today)]


def _text(entry: Entry) -> str:
    return _said(entry.title) + (f" | {_said(entry.why)}" if entry.why is not None else "")


def _said(sentence: Any) -> str:
    return str(sentence.pattern % {k: _word(v) for k, v in sentence.values.items()})


def _word(value: Any) -> str:
    if isinstance(value, Money):
        return str(value.amount)
    if isinstance(value, dict):
        return str(value["en"])
    return (
        ", ".join(map(_word, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def billed(number: str, day: date, amount: str, *, part: str) -> Billed:
    return Billed(number, day, Money.of(amount), Money.of(part), Money.of("19.99"))


def moment(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=PARIS)


def test_a_quiet_contract_tells_its_beginning_its_free_months_and_its_commitment() -> None:
    assert told(LIFE) == [
        ("2026-11-23", "The contract began: Horizon 130. | By order F-1, placed on 2026-11-20.",
         False),
        ("2027-05-23", "Six months free is over: Horizon 130 costs 19.99 instead of 0.00. | As was "
         "agreed with order F-1.", True),
        ("2028-11-23", "The commitment ends. | It was taken on for 24 months; the contract goes on "
         "without one.", True),
    ]  # fmt: skip
    began = timeline(LIFE, today=TODAY)[0]
    assert (began.by, began.channel, began.reference) == ("Camille", "web", "F-1")


def test_changes_say_what_they_did_and_which_order_asked_for_it() -> None:
    day = date(2027, 1, 5)
    added = Changed(7, ChangeKind.ADD, "F-2", day, moment(day), {})
    removed = Changed(8, ChangeKind.REMOVE, "F-3", date(2027, 2, 23), moment(date(2027, 2, 23)), {})
    stopped = Changed(9, ChangeKind.SUSPEND, "F-4", TODAY, moment(TODAY), {"block": "unpaid"})
    life = replace(
        LIFE,
        commitment_ends_on=None,
        acts=[
            BEGIN,
            Act("F-2", moment(day, 9), by="Nadia", channel="call_centre", kind="add"),
            Act("F-3", moment(date(2027, 2, 22)), kind="remove", unanswered=True),
            Act("F-4", moment(TODAY), kind="suspend", unpaid=True),
        ],
        items=[
            Held(3, "F-2", ROAMING, day, None, 7, None),
            Held(2, "F-1", MUSIC, BEGAN, date(2027, 2, 23), None, 8),
        ],
        changes=[added, removed, stopped],
    )
    assert told(life)[1:] == [
        ("2027-01-05", "Added: Escale. | By order F-2, placed on 2027-01-05.", False),
        ("2027-02-23", "Taken off: Ondine Music. | Its free months are over, and nobody agreed to "
         "pay for it.", False),
        ("2027-03-10", "The line stands still. | Bills were not paid in time.", False),
    ]  # fmt: skip
    assert timeline(life, today=TODAY)[1].by == "Nadia"


def test_an_order_that_waits_is_to_come_on_its_day() -> None:
    waiting = Act(
        "F-5", moment(TODAY), by="Camille", channel="web", kind="plan",
        on=date(2027, 3, 23), waits=True, names=[{"en": "Mini 20"}],
    )  # fmt: skip
    life = replace(LIFE, acts=[BEGIN, waiting])
    assert told(life)[1] == (
        "2027-03-23",
        "The plan is to change to Mini 20. | By order F-5, placed on 2027-03-10.",
        True,
    )


def test_bills_debits_amends_and_dunning_stand_in_the_order_of_their_days() -> None:
    bill = billed("FA-1", date(2027, 1, 23), "24.98", part="19.99")
    other = billed("FA-2", date(2027, 2, 23), "25.00", part="25.00")
    life = replace(
        LIFE,
        commitment_ends_on=None,
        items=[],
        bills=[bill, other],
        coming_bills=[(date(2027, 3, 23), Money.of("19.99"))],
        debits=[Debited("FA-2", date(2027, 3, 12), Money.of("25.00"), "3000", date(2027, 2, 23))],
        dunning=[Dunned("opened", "", date(2027, 2, 10), moment(date(2027, 2, 10)), ""),
                 Dunned("step", "message", date(2027, 2, 10), moment(date(2027, 2, 10), 13), "")],
        amends=[Amends({"en": "Porting was late"}, Money.of("3.00"), moment(date(2027, 1, 4)))],
    )  # fmt: skip
    assert told(life)[1:] == [
        ("2027-01-04", "3.00 is given back. | Porting was late.", False),
        ("2027-01-23", "Bill FA-1: 24.98. | As promised.", False),
        ("2027-02-10", "A bill is overdue.", False),
        ("2027-02-10", "A reminder was sent. | Bills of the account are overdue.", False),
        ("2027-02-23", "Bill FA-2: 25.00. | 19.99 was promised.", False),
        ("2027-03-12", "25.00 is debited from the account ending in 3000. | For bill FA-2; it was "
         "announced on 2027-02-23.", True),
        ("2027-03-23", "A bill of 19.99. | As promised; what is used beyond the plan is "
         "added.", True),
    ]  # fmt: skip


def test_what_is_asked_before_it_costs_is_told_with_its_end_until_there_is_a_yes() -> None:
    day = date(2027, 3, 23)
    open_ = Answered(2, MUSIC, day, Money.of("4.99"), moment(date(2027, 3, 9)), None, None, True)
    life = replace(LIFE, commitment_ends_on=None, items=[], answers=[open_])
    assert [text for _, text, _ in told(life)[1:]] == [
        "Asked whether Ondine Music is to go on for 4.99. | It is free until 2027-03-23; paying "
        "for it needs an express yes.",
        "Ondine Music ends, unless it is agreed to before. | Its free months are over then; it "
        "costs nothing.",
    ]
    agreed = replace(open_, agreed=True, answered_at=moment(TODAY))
    assert [text for _, text, _ in told(replace(life, answers=[agreed]))[2:]] == [
        "Ondine Music goes on for 4.99: agreed to. | The answer to what was asked."
    ]


def test_nothing_but_its_last_bills_is_to_come_of_a_contract_that_has_ended() -> None:
    ended = Changed(9, ChangeKind.TERMINATE, "F-9", TODAY, moment(TODAY), {})
    life = replace(
        LIFE,
        ended_on=TODAY,
        changes=[ended],
        coming_bills=[(date(2027, 3, 23), Money.of("-8.00"))],
    )
    assert [text.partition(" | ")[0] for _, text, _ in told(life)] == [
        "The contract began: Horizon 130.",
        "The contract ended.",
        "A bill of -8.00.",
    ]


def test_every_entry_of_a_case_but_its_steps_has_a_sentence() -> None:
    assert set(telling._DUNNING) == {str(kind) for kind in EntryKind} - {"step"}
