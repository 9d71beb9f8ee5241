"""The French pack against the vectors of the domain."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.markets.fr import companies, numbers, rio, tax, working_days
from commerce.markets.fr.termination import early_termination_fee
from commerce.markets.fr.withdrawal import earliest_port_in, withdrawal_last_day
from commerce.markets.identifiers import is_eid, is_iccid, is_imei, parse_activation_code
from tests.fixtures.vectors import VECTORS

FAULTS = {
    "format": "rio_format",
    "numero": "rio_number",
    "Q": "rio_quality",
    "famille": "rio_family",
    "cle": "rio_key",
}


@pytest.mark.parametrize("case", VECTORS["rio_valid"], ids=lambda case: case["rio"])
def test_a_right_rio_is_accepted(case: dict[str, str]) -> None:
    checked = rio.check(case["rio"], number=case["number"])
    assert (checked.text, checked.number) == (case["rio"], case["number"])


@pytest.mark.parametrize("case", VECTORS["rio_invalid"], ids=lambda c: f"{c['rio']}-{c['number']}")
def test_a_wrong_rio_is_refused_with_its_reason(case: dict[str, str]) -> None:
    with pytest.raises(rio.RioInvalid) as refused:
        rio.check(case["rio"], number=case["number"])
    assert refused.value.code == FAULTS[case["expect"]]
    assert set(refused.value.sentences) == {"fr", "en"}


@pytest.mark.parametrize("case", VECTORS["rio_normalise"], ids=lambda case: case["number"])
def test_a_rio_may_be_typed_with_spaces_and_small_letters(case: dict[str, Any]) -> None:
    checked = rio.check(case["rio"], number=case["number"])
    assert (checked.text, checked.number) == ("02PA1B2C3RE+", "0639981234")


def test_a_rio_tells_its_operator_and_whether_the_offer_is_for_business() -> None:
    checked = rio.check("03EZZZZZZ66D", number="0700000000")
    assert (checked.operator_name, checked.business_offer) == ("Bouygues Telecom", True)
    assert rio.check("44P9X8Y7Z4H2", number="0756123456").operator_name is None


@given(position=st.integers(0, 8), character=st.sampled_from(rio.ORDER[:-1]))
def test_one_wrong_character_never_passes(position: int, character: str) -> None:
    right = "02PA1B2C3RE+"
    wrong = right[:position] + character + right[position + 1 :]
    if wrong != right:
        with pytest.raises(rio.RioInvalid):
            rio.check(wrong, number="0639981234")


@pytest.mark.parametrize("case", VECTORS["jours_ouvrables"], ids=lambda case: case["start"])
def test_working_days_leave_out_sundays_and_holidays(case: dict[str, str]) -> None:
    start = date.fromisoformat(case["start"])
    assert working_days.add_working_days(start, days=1) == date.fromisoformat(case["plus1"])
    assert working_days.add_working_days(start, days=3) == date.fromisoformat(case["plus3"])


@pytest.mark.parametrize(("year", "easter"), VECTORS["easter"].items())
def test_easter_monday_is_a_holiday(year: str, easter: str) -> None:
    monday = date.fromordinal(date.fromisoformat(easter).toordinal() + 1)
    assert monday.year == int(year)
    assert not working_days.is_working_day(monday)


@pytest.mark.parametrize("case", VECTORS["etf"], ids=str)
def test_leaving_early_costs_what_the_law_allows(case: dict[str, Any]) -> None:
    fee = early_termination_fee(
        [Money.of(case["monthly"])] * (case["term"] - case["elapsed"]),
        elapsed=case["elapsed"],
        subsidised=case["subsidised"],
        committed_on=date(2026, 11, 23),
    )
    assert fee == Money.of(case["fee"])


@pytest.mark.parametrize(
    ("committed_on", "elapsed", "subsidised", "fee"),
    [
        (date(2022, 12, 31), 14, True, "62.50"),  # 10 * 25 at a quarter
        (date(2022, 12, 31), 14, False, "62.50"),  # with or without a phone
        (date(2022, 12, 31), 6, True, "225.00"),  # 6 * 25 + 12 * 25 at a quarter
        (date(2023, 1, 1), 14, True, "50.00"),
        (date(2023, 1, 1), 14, False, "0.00"),
        (date(2008, 6, 1), 14, False, "62.50"),
        (date(2008, 5, 31), 14, False, "250.00"),
    ],
)
def test_the_share_of_a_commitment_is_that_of_the_day_it_began(
    committed_on: date, elapsed: int, subsidised: bool, fee: str
) -> None:
    left = [Money.of(25)] * (24 - elapsed)
    owed = early_termination_fee(
        left, elapsed=elapsed, subsidised=subsidised, committed_on=committed_on
    )
    assert owed == Money.of(fee)


@pytest.mark.parametrize(
    ("concluded", "last"),
    [
        (date(2026, 11, 23), date(2026, 12, 7)),
        (date(2026, 11, 21), date(2026, 12, 7)),  # day 14 is a Saturday
        (date(2026, 12, 11), date(2026, 12, 28)),  # day 14 is Christmas, then a weekend
    ],
)
def test_fourteen_days_to_withdraw(concluded: date, last: date) -> None:
    assert withdrawal_last_day(concluded) == last
    assert earliest_port_in(concluded).toordinal() == last.toordinal() + 1


@pytest.mark.parametrize(
    ("tax_class", "on", "rate"),
    [
        ("telecom", date(2026, 11, 22), "20"),
        ("goods", date(2013, 12, 31), "19.6"),
        ("tv", date(2013, 12, 31), "7"),
        ("tv", date(2014, 1, 1), "10"),
        ("press", date(2026, 11, 22), "2.1"),
    ],
)
def test_a_tax_class_has_the_rate_of_its_day(tax_class: str, on: date, rate: str) -> None:
    assert tax.rate(tax_class, on=on) == Decimal(rate)


@pytest.mark.parametrize(("siren", "vat"), VECTORS["siren"].items())
def test_a_siren_gives_its_vat_number(siren: str, vat: str) -> None:
    assert companies.vat_of(siren) == vat
    assert companies.check_vat(vat) == vat


@pytest.mark.parametrize(("siret", "right"), VECTORS["siret"].items())
def test_a_siret_is_checked(siret: str, right: bool) -> None:
    if right:
        assert companies.check_siret(siret) == siret
    else:
        with pytest.raises(InvalidInput, match="not a valid SIRET"):
            companies.check_siret(siret)


def test_a_wrong_siren_is_refused_with_its_code() -> None:
    with pytest.raises(InvalidInput) as refused:
        companies.check_siren("732829321")
    assert refused.value.code == "company_number_invalid"


@pytest.mark.parametrize("text", ["06 39 98 12 34", "+33 6 39 98 12 34", "0033639981234"])
def test_a_number_is_shown_in_pairs_however_it_was_typed(text: str) -> None:
    national = numbers.normalise_number(text)
    assert numbers.display_number(national) == "06 39 98 12 34"
    assert numbers.international(national) == "+33639981234"


@pytest.mark.parametrize("text", ["063998123", "1639981234", "06399812345", "", "0039981234"])
def test_what_is_no_french_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        numbers.normalise_number(text)
    assert refused.value.code == "number_invalid"


def test_cards_and_devices_are_known_by_their_check_digits() -> None:
    assert all(is_iccid(text) for text in VECTORS["iccid"])
    assert not is_iccid("8933010000000000003")
    assert all(is_eid(text) for text in VECTORS["eid_valid"])
    assert not any(is_eid(text) for text in VECTORS["eid_invalid"])
    assert is_imei("490154203237518")
    assert not is_imei("490154203237517")


@pytest.mark.parametrize("case", VECTORS["activation_code"], ids=lambda case: case["s"])
def test_an_activation_code_is_read_and_written_alike(case: dict[str, Any]) -> None:
    code = parse_activation_code(case["s"])
    assert (code.smdp, code.matching_id) == (case["smdp"], case["mid"])
    assert (code.smdp_oid, code.confirmation) == (case["oid"], case["cc"])
    assert str(code) == case["s"]
