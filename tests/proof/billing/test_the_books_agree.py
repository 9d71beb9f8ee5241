"""Lives in the tables of contracts and bills: each document is the oracle's, the books in order.

LIVES and MONTHS may be set; `make proof` has three hundred of five years.
"""

import os
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from commerce.payments.services import webhooks
from subscriptions.models import ItemCharge
from subscriptions.usage import rates
from tests.proof.billing.lived.__main__ import WEBHOOKS
from tests.proof.billing.lived.acting import Journal
from tests.proof.billing.lived.alone import live, shelf
from tests.proof.billing.lived.judging import gaps, judge
from tests.proof.billing.lived.plan import Plan
from tests.proof.billing.lived.scripts import Deed, days

LIVES, MONTHS = (
    int(os.environ.get(name) or usual) for name, usual in (("LIVES", 4), ("MONTHS", 12))
)
PLAN = Plan(LIVES, MONTHS, date(2026, 12, 1))
ALONE = pytest.mark.django_db


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Of lives that are lived, but not yet judged."""
    for name in ("snapshot_of", "current_snapshot"):
        monkeypatch.setattr(rates, name, shelf)
    monkeypatch.setattr(rates, "release_dates", lambda: ())
    return Journal(tmp_path / "journal.jsonl")


@ALONE
def test_every_document_of_the_lives_is_the_oracles(journal: Journal) -> None:
    live(PLAN.scripts(), journal, origin=PLAN.origin, until=PLAN.until)

    verdict = judge(journal, until=PLAN.until, alone=True)

    assert (verdict.differences, verdict.faults) == ({}, ())
    assert verdict.lives == LIVES
    assert verdict.documents > LIVES * MONTHS // 2


@ALONE
def test_a_wrong_cent_is_found(journal: Journal) -> None:
    plan = replace(PLAN, lives=1, months=2)
    live(plan.scripts(), journal, origin=plan.origin, until=date(2027, 1, 31))
    assert judge(journal, until=date(2027, 1, 31), alone=True).right
    # A promise is not what is billed by; what it doesn't know of is held, and so is missing.
    ItemCharge.objects.update(amount="1.23")
    live([], journal, origin=date(2027, 2, 1), until=date(2027, 2, 28))

    verdict = judge(journal, until=date(2027, 2, 28), alone=True)

    assert list(verdict.differences) == [0]
    assert verdict.faults[0].startswith("1 parked")


def test_the_lives_do_everything_and_no_firm_pays_late() -> None:
    scripts = Plan(300, 60, PLAN.origin).scripts()
    assert {act.deed for script in scripts for act in script.acts} == set(Deed)
    debited = [act.goods for script in scripts for act in script.acts if act.deed is Deed.DEBIT]
    assert {("poor",), ("slow",), ("good",)} == set(debited)
    shared = days(PLAN.origin, months=62)
    assert {act.day for script in scripts for act in script.acts} <= set(shared)
    assert max(later - day for day, later in pairwise(shared)) == timedelta(days=29)


def test_the_payment_provider_tells_all_that_anything_comes_of() -> None:
    others = {name for name in WEBHOOKS if not name.startswith(webhooks.DISPUTES)}
    assert others == {*webhooks.TELLING, webhooks.MANDATES}


def test_a_missing_and_a_doubled_number_are_found() -> None:
    told = (f"F-2027-{number:06}" for number in (1, 2, 4, 4))
    assert list(gaps(told)) == ["the numbers F-2027 have gaps"]
    assert list(gaps(iter(["F-2027-000001", "A-2027-000001", "F-2027-000002"]))) == []
