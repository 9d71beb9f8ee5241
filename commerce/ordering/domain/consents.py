"""What a customer agrees to when ordering, and to which text."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from commerce.kernel.errors import RuleViolated
from commerce.kernel.sentences import Sentence

TERMS_VERSION = "2026-11"
SUMMARY_VERSION = "eu-2019-2243/1"
EARLY_EXECUTION_VERSION = "2026-11"
INSTALMENTS_VERSION = "2026-11"


class Purpose(StrEnum):
    TERMS = "terms"
    CONTRACT_SUMMARY = "contract_summary"
    EARLY_EXECUTION = "early_execution"
    INSTALMENTS = "instalments"


TEXT_VERSIONS = {
    Purpose.TERMS: TERMS_VERSION,
    Purpose.CONTRACT_SUMMARY: SUMMARY_VERSION,
    Purpose.EARLY_EXECUTION: EARLY_EXECUTION_VERSION,
    Purpose.INSTALMENTS: INSTALMENTS_VERSION,
}


@dataclass(frozen=True, slots=True)
class OrderConsents:
    """What the customer ticked.

    The contract takes effect only once the summary is confirmed (L224-27 of the consumer code);
    service before the withdrawal period ends needs an express request (L221-25). To pay a device in
    parts is asked only of who wants to.
    """

    terms: bool = False
    contract_summary_confirmed: bool = False
    early_execution_requested: bool = False
    instalments: bool = False

    def given(self) -> dict[Purpose, bool]:
        return {
            Purpose.TERMS: self.terms,
            Purpose.CONTRACT_SUMMARY: self.contract_summary_confirmed,
            Purpose.EARLY_EXECUTION: self.early_execution_requested,
            **({Purpose.INSTALMENTS: True} if self.instalments else {}),
        }


def check_early(consents: OrderConsents, *, begins: date, withdrawal_ends: date) -> None:
    """Whether a consumer's service may begin on the day `begins`; `withdrawal_ends` is the last day
    on which he may withdraw.

    Raises:
        RuleViolated: `early_execution_not_requested`: it begins before, and he did not ask for that
            expressly (L221-25 of the consumer code).
    """
    if begins <= withdrawal_ends and not consents.early_execution_requested:
        raise RuleViolated(
            "It begins before the 14 days for withdrawing are over; please ask for that expressly.",
            code="early_execution_not_requested",
            field="early_execution_requested",
        )


def check_consents(consents: OrderConsents, *, consumer: bool) -> None:
    """Whether the order may bind.

    Raises:
        RuleViolated: `terms_not_accepted`; for consumers `contract_summary_not_confirmed`.
    """
    if not consents.terms:
        raise RuleViolated(
            "Please accept the terms of sale to order.", code="terms_not_accepted", field="terms"
        )
    if consumer and not consents.contract_summary_confirmed:
        raise RuleViolated(
            "Please confirm that you received and agree to the contract summary.",
            code="contract_summary_not_confirmed",
            field="contract_summary_confirmed",
        )


def check_in_parts(consents: OrderConsents) -> None:
    """Raises RuleViolated `instalments_not_agreed`: he did not agree to the days of the parts."""
    if not consents.instalments:
        raise RuleViolated(
            Sentence("Please agree to pay the parts on their days."),
            code="instalments_not_agreed",
            field="instalments",
        )
