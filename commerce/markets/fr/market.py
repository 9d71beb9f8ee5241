"""The French pack, as one object."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from commerce.kernel.money import Money
from commerce.markets.fr import (
    companies,
    credit,
    cycles,
    debits,
    dunning,
    free_then_paid,
    interest,
    invoice,
    numbers,
    porting,
    rio,
    special_numbers,
    tax,
    termination,
    withdrawal,
    working_days,
)
from commerce.markets.pack import (
    CarrierCaps,
    CreditRules,
    CycleRules,
    DebitRules,
    FreeThenPaidRules,
    LateRate,
    Market,
    Mention,
    Motive,
    PortingRules,
    SpecialTariff,
    Tariff,
    TerminationRules,
    TermsRules,
    WithdrawalRules,
)


class France:
    """See `commerce.markets.pack.Market`; each function's module cites the law."""

    code = "fr"
    currency = "EUR"
    time_zone = "Europe/Paris"

    def tax_rates(self, on: date) -> Mapping[str, Decimal]:
        return tax.tax_rates(on)

    def normalise_number(self, text: str) -> str:
        return numbers.normalise_number(text)

    def display_number(self, number: str) -> str:
        return numbers.display_number(number)

    def is_mobile(self, number: str) -> bool:
        return numbers.is_mobile(number)

    def is_special(self, number: str) -> bool:
        return special_numbers.is_special(number)

    def special_tariff(self, number: str, *, tariff: Tariff, on: date) -> SpecialTariff:
        return special_numbers.special_tariff(number, tariff=tariff, on=on)

    def service_price(self, tariff: Tariff, *, seconds: int) -> Money:
        return special_numbers.service_price(tariff, seconds=seconds)

    def quarantine_days(self) -> tuple[int, int]:
        return numbers.QUARANTINE_DAYS

    def check_port_key(self, *, number: str, key: str) -> str:
        return rio.check(key, number=number).text

    def port_key_of(self, *, number: str, operator: str, business: bool, contract: str) -> str:
        return rio.issue(number=number, operator=operator, business=business, contract=contract)

    def porting_rules(self) -> PortingRules:
        return porting.RULES

    def porting_motives(self) -> Mapping[str, Motive]:
        return porting.MOTIVES

    def is_working_day(self, day: date) -> bool:
        return working_days.is_working_day(day)

    def add_working_days(self, day: date, *, days: int) -> date:
        return working_days.add_working_days(day, days=days)

    def termination_rules(self) -> TerminationRules:
        return termination.RULES

    def early_termination_fee(
        self,
        instalments: Sequence[Money],
        *,
        elapsed: int,
        subsidised: bool,
        committed_on: date,
        business: bool,
    ) -> Money:
        return termination.early_termination_fee(
            instalments,
            elapsed=elapsed,
            subsidised=subsidised,
            committed_on=committed_on,
            business=business,
        )

    def terms_rules(self) -> TermsRules:
        return termination.TERMS

    def cycle_rules(self) -> CycleRules:
        return cycles.RULES

    def free_then_paid_rules(self) -> FreeThenPaidRules:
        return free_then_paid.RULES

    def withdrawal_rules(self) -> WithdrawalRules:
        return withdrawal.RULES

    def withdrawal_last_day(self, concluded_on: date) -> date:
        return withdrawal.withdrawal_last_day(concluded_on)

    def debit_rules(self) -> DebitRules:
        return debits.RULES

    def carrier_caps(self) -> CarrierCaps:
        return invoice.CARRIER_CAPS

    def dunning_policy(self) -> Mapping[str, Any]:
        return dunning.POLICY

    def letter_days(self) -> int:
        return debits.LETTER_DAYS

    def late_rates(self) -> tuple[LateRate, ...]:
        return interest.LATE_RATES

    def credit_rules(self) -> CreditRules:
        return credit.RULES

    def invoice_mentions(self, *, business: bool) -> tuple[Mention, ...]:
        return invoice.invoice_mentions(business=business)

    def check_company(self, *, site: str, vat_number: str) -> str:
        return companies.check_company(siret=site, vat_number=vat_number)


MARKET: Market = France()
