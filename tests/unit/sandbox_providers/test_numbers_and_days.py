"""The identifiers, days and tempo of the simulated providers."""

from datetime import date

import holidays
import pytest
from stdnum import imei, luhn

from commerce.sandbox.providers import calendar, numbers
from commerce.sandbox.providers.pace import Pace, PaceUnknown


@pytest.mark.parametrize(
    ("number", "rio"),
    [
        ("0612345678", "01P12345636Q"),
        ("0639981234", "02PA1B2C3RE+"),
        ("0700000000", "03EZZZZZZ66D"),
        ("0699999999", "02EQWERTYRU8"),
        ("0499262812", "S1R000001EH+"),
    ],
)
def test_the_key_of_a_rio(number: str, rio: str) -> None:
    assert numbers.rio_key(number, rio) == rio[9:]


@pytest.mark.parametrize("serial", [1, 7, 999_999, 1_000_000, 12_345_678])
def test_made_numbers_hold_their_check_digits(serial: int) -> None:
    assert imei.is_valid(numbers.imei(serial, block=1))
    assert luhn.is_valid(numbers.iccid(serial, family=8))
    assert int(numbers.eid(serial)) % 97 == 1
    assert [len(numbers.imei(serial, block=1)), len(numbers.iccid(serial, family=1))] == [15, 19]
    assert [len(numbers.eid(serial)), len(numbers.imsi(serial))] == [32, 15]


@pytest.mark.parametrize(
    ("written", "national"),
    [
        ("06 39 98 12 34", "0639981234"),
        ("+33639981234", "0639981234"),
        ("0033639981234", "0639981234"),
        ("0039981234", None),
        ("+44639981234", None),
        ("", None),
    ],
)
def test_numbers_in_any_form_become_national(written: str, national: str | None) -> None:
    assert numbers.national(written) == national


@pytest.mark.parametrize("year", range(2026, 2041))
def test_working_days_are_those_of_the_french_calendar(year: int) -> None:
    french = holidays.country_holidays("FR", years=year)
    days = [
        date.fromordinal(n)
        for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
    ]
    working = [day for day in days if calendar.is_working(day)]
    assert working == [day for day in days if day.weekday() != 6 and day not in french]


def test_a_slot_begins_in_paris_time_in_winter_and_summer() -> None:
    winter = calendar.slot_start(date(2026, 11, 25), "08:00-12:00")
    summer = calendar.slot_start(date(2026, 7, 15), "08:00-12:00")
    assert winter == 1795590000.0  # 07:00 UTC
    assert summer == 1784095200.0  # 06:00 UTC


def test_the_tempo_has_exceptions_by_provider() -> None:
    pace = Pace.parse("fast, porting=business,network=instant")
    truly = 1000.0 + 3600
    assert pace.due("warehouse", now=1000.0, position=2, truly=truly) == 1002.0
    assert pace.due("porting", now=1000.0, position=2, truly=truly) == truly
    assert pace.due("network", now=1000.0, position=2, truly=truly) == 1000.000002


def test_an_unknown_tempo_is_explained() -> None:
    with pytest.raises(PaceUnknown, match="write instant, fast or business"):
        Pace.parse("porting=slow")
