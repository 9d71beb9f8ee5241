"""Reading the form of the hosted page on which an account may be debited."""

import re
from collections.abc import Mapping

from stdnum import iban

from commerce.sandbox.payments.banks import ACCOUNTS, TestAccount
from commerce.sandbox.payments.card_form import Refusals, read_email, read_name
from commerce.sandbox.payments.checkout import DebitEntry
from commerce.sandbox.payments.texts import Words


def read(form: Mapping[str, str], *, words: Words, asks_email: bool) -> DebitEntry | Refusals:
    """The account that was typed, or what is wrong with it: a sentence for each field."""
    refusals: dict[str, str] = {}
    email = read_email(form, refusals, words=words) if asks_email else None
    account = _account(form.get("iban", ""), refusals, words=words)
    name = read_name(form, refusals, missing=words["e_holder"])
    if refusals or account is None:
        return Refusals(refusals)
    return DebitEntry(account=account, name=name, email=email)


def _account(typed: str, refusals: dict[str, str], *, words: Words) -> TestAccount | None:
    number = re.sub(r"[\s.-]", "", typed).upper()
    if not number:
        refusals["iban"] = words["e_iban_missing"]
    elif not iban.is_valid(number):
        refusals["iban"] = words["e_iban"]
    elif number not in ACCOUNTS:
        refusals["iban"] = words["e_iban_live"]
    return ACCOUNTS.get(number) if "iban" not in refusals else None
