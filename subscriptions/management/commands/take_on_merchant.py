"""`take_on_merchant`: who sells on the telephone bill, with his contract and his program."""

from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from secrets import token_urlsafe
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.accounts.services.organisations import Company
from commerce.kernel.errors import FaisceauError
from subscriptions.carrier.services.merchants import MerchantContract, take_on
from subscriptions.domain.carrier import Category, Selling
from subscriptions.management.amounts import amount


class Command(BaseCommand):
    help = "Take a merchant on; his client id and secret are written once, here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="short, of letters and hyphens")
        parser.add_argument("name")
        parser.add_argument("email")
        parser.add_argument("support", help="where his customers find help")
        parser.add_argument("--share", type=amount, required=True, help="his part, in percent")
        parser.add_argument("--fee", type=amount, default=Decimal(0), help="kept of each purchase")
        parser.add_argument("--tax-class", default="standard")
        parser.add_argument(
            "--tax-rate", type=amount, default=Decimal(20), help="in percent; 0 for donations"
        )
        parser.add_argument(
            "--category", action="append", choices=[str(each) for each in Category], required=True
        )
        parser.add_argument("--monthly", action="append", default=[], metavar="SERVICE=PRICE")
        parser.add_argument("--confirms-himself", action="store_true")
        parser.add_argument(
            "--selling",
            choices=[str(each) for each in Selling],
            default=str(Selling.UNTOLD),
            help="in whose name: we buy and sell on, or are his agent, told to customers or not",
        )
        parser.add_argument(
            "--most-per-month", type=amount, help="that a line may spend with him in a month"
        )
        parser.add_argument("--siren", default="", help="of his company, which is sent invoices")
        parser.add_argument("--legal-name", default="", help="if it is another than his name")
        parser.add_argument("--vat-number", default="")
        parser.add_argument("--street", default="")
        parser.add_argument("--postcode", default="")
        parser.add_argument("--city", default="")
        parser.add_argument("--refund-days", type=int, help="he may give back; 0: never")
        parser.add_argument("--return-to", default="", help="where customers go from our page")

    def handle(self, *args: Any, **told: Any) -> None:
        client_id, secret = f"merchant-{told['code']}", token_urlsafe(32)
        contract = MerchantContract(
            code=told["code"],
            name=told["name"],
            email=told["email"],
            support=told["support"],
            categories=[Category(each) for each in told["category"]],
            tax_class=told["tax_class"],
            tax_rate=told["tax_rate"],
            share=told["share"],
            fee=told["fee"],
            confirms_himself=told["confirms_himself"],
            return_to=told["return_to"],
            monthly=dict(map(_priced, told["monthly"])),
            selling=Selling(told["selling"]),
            refund_days=told["refund_days"],
            most_per_month=told["most_per_month"],
            company=_company(told) if told["siren"] else None,
        )
        try:
            take_on(contract, client_id=client_id, client_secret=secret)
        except FaisceauError as error:
            raise CommandError(f"{error.message} Nobody was taken on.") from error
        self.stdout.write(f"client_id {client_id}\nclient_secret {secret}")


def _company(told: dict[str, Any]) -> Company:
    return Company(
        legal_name=told["legal_name"] or told["name"],
        siren=told["siren"],
        line1=told["street"],
        postcode=told["postcode"],
        city=told["city"],
        vat_number=told["vat_number"],
    )


def _priced(told: str) -> tuple[str, Decimal]:
    code, _, price = told.partition("=")
    try:
        return code, amount(price)
    except ArgumentTypeError as error:
        raise CommandError(f"--monthly {told}: {error}") from error
