"""A second, tiny market proves that nothing French leaks out of its pack."""

import sys
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.markets.pack import (
    CarrierCaps,
    CreditRules,
    CreditTerms,
    CycleRules,
    DebitRules,
    FreeThenPaidRules,
    LateRate,
    Market,
    Mend,
    Mention,
    Motive,
    PortingRules,
    SpecialTariff,
    Tariff,
    TerminationRules,
    TermsRules,
    WithdrawalRules,
    market,
)


class Islandia:
    """Seven-figure numbers, one tax, every day a working day, keys that repeat the number."""

    code = "xi"
    currency = "XIS"
    time_zone = "Atlantic/Reykjavik"

    def tax_rates(self, on: date) -> Mapping[str, Decimal]:
        return {"goods": Decimal("24"), "telecom": Decimal("24")}

    def normalise_number(self, text: str) -> str:
        bare = text.replace(" ", "")
        if len(bare) != 7 or not bare.isdigit():
            raise InvalidInput("Seven figures.", code="number_invalid", field="number")
        return bare

    def display_number(self, number: str) -> str:
        return f"{number[:3]} {number[3:]}"

    def is_mobile(self, number: str) -> bool:
        return number.startswith("7")

    def is_special(self, number: str) -> bool:
        return False

    def special_tariff(self, number: str, *, tariff: Tariff, on: date) -> SpecialTariff:
        raise InvalidInput("There are none.", code="number_not_special")

    def service_price(self, tariff: Tariff, *, seconds: int) -> Money:
        return tariff.price

    def quarantine_days(self) -> tuple[int, int]:
        return (1, 1)

    def check_port_key(self, *, number: str, key: str) -> str:
        if key != number:
            raise InvalidInput("Repeat the number.", code="port_key", field="key")
        return key

    def port_key_of(self, *, number: str, operator: str, business: bool, contract: str) -> str:
        return number

    def porting_rules(self) -> PortingRules:
        return PortingRules(
            answer_days=1,
            total_days=1,
            cancel_until=time(12),
            slots=("00:00-23:59",),
            late_per_day=Money.of(1, self.currency),
            late_at_most=Money.of(9, self.currency),
            recoverable_days=7,
        )

    def porting_motives(self) -> Mapping[str, Motive]:
        no = Motive("NO", Mend.NONE, text={"en": "No."}, next_step={"en": "Take another."})
        return {"NO": no}

    def is_working_day(self, day: date) -> bool:
        return True

    def add_working_days(self, day: date, *, days: int) -> date:
        return day + timedelta(days=days)

    def termination_rules(self) -> TerminationRules:
        return TerminationRules(notice_days=30, motives={})

    def early_termination_fee(
        self,
        instalments: Sequence[Money],
        *,
        elapsed: int,
        subsidised: bool,
        committed_on: date,
        business: bool,
    ) -> Money:
        return Money.zero(self.currency)

    def dunning_policy(self) -> Mapping[str, Any]:
        return {"steps": [{"code": "call", "days": 9, "action": "retry"}]}

    def debit_rules(self) -> DebitRules:
        return DebitRules(notice_days=2, refund_weeks=1)

    def terms_rules(self) -> TermsRules:
        return TermsRules(notice_months=2, leave_months=1)

    def cycle_rules(self) -> CycleRules:
        return CycleRules(days=(1, 15), months_between=1)

    def free_then_paid_rules(self) -> FreeThenPaidRules:
        return FreeThenPaidRules(kinds=frozenset(), asks_days=1, answers_days=0)

    def withdrawal_rules(self) -> WithdrawalRules:
        return WithdrawalRules(refund_days=30, wear={})

    def withdrawal_last_day(self, concluded_on: date) -> date:
        return concluded_on + timedelta(days=30)

    def carrier_caps(self) -> CarrierCaps:
        return CarrierCaps(Money.of(9, self.currency), Money.of(99, self.currency))

    def letter_days(self) -> int:
        return 1

    def late_rates(self) -> tuple[LateRate, ...]:
        return ()

    def credit_rules(self) -> CreditRules:
        terms = CreditTerms((3, 10), Money.of(50, self.currency), Decimal(0), Decimal("0.5"))
        return CreditRules({"consumer": terms}, by_default=frozenset({"consumer"}))

    def invoice_mentions(self, *, business: bool) -> tuple[Mention, ...]:
        return ()

    def check_company(self, *, site: str, vat_number: str) -> str:
        return site


@pytest.fixture
def islandia(monkeypatch: pytest.MonkeyPatch) -> Market:
    for name in ("commerce.markets.xi", "commerce.markets.xi.market"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    pack: Market = Islandia()
    monkeypatch.setattr(sys.modules["commerce.markets.xi.market"], "MARKET", pack, raising=False)
    return pack


def test_another_country_is_found_by_its_code(islandia: Market) -> None:
    found = market("xi")
    assert found is islandia
    assert found.display_number(found.normalise_number("712 3456")) == "712 3456"
    assert found.check_port_key(number="7123456", key="7123456") == "7123456"
    assert found.carrier_caps().per_purchase == Money.of(9, "XIS")


def test_france_and_another_country_differ_only_behind_the_same_names(islandia: Market) -> None:
    saturday = date(2026, 11, 21)
    days = {pack.code: pack.add_working_days(saturday, days=1) for pack in (market("fr"), islandia)}
    assert days == {"fr": date(2026, 11, 23), "xi": date(2026, 11, 22)}


@pytest.mark.parametrize("code", ["zz", "../fr", ""])
def test_an_unknown_country_is_said_so(code: str) -> None:
    with pytest.raises(LookupError, match="no market"):
        market(code)


def test_french_invoices_name_the_indemnity_to_business_only() -> None:
    business = [mention.code for mention in market("fr").invoice_mentions(business=True)]
    consumer = [mention.code for mention in market("fr").invoice_mentions(business=False)]
    assert business == ["DEBITS", "PMD", "PMT", "AAB", "SET_OFF"]
    assert consumer == ["DEBITS", "CLAIM", "MEDIATION"]
