"""Customers act on the running system: orders, changes, payments, records of use.

What stands here calls the services that pages and API call, in the environment of the stack;
orders are carried out by its pump and workers, over HTTP with the simulated providers, and cards
are paid on the simulated hosted page.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection

from catalogue.domain.usage import Dimension
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, PartyKind, Role, Segment
from commerce.accounts.models import Organisation, Party, Unit
from commerce.kernel.clock import PARIS, business_time_fixed, business_today
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.local.demo.bank import Transfer, statement
from commerce.local.demo.browser import Browser
from commerce.local.demo.paying import GOOD, pay
from commerce.markets.fr.rio import key_of
from commerce.ordering.domain.changes import ChangeRequest, When
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.fleet import FleetLine
from commerce.ordering.domain.numbering import Keep, NumberChoice
from commerce.ordering.services import carts
from commerce.ordering.services.bulk import BulkCheckout, place_bulk_order
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.checkout import start_checkout
from commerce.ordering.services.place import Checkout, PayReturn, place_order
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw
from commerce.payments.ports import MethodKind
from commerce.payments.services.checkout import open_session
from commerce.payments.services.setups import note_setup, open_setup, request_setup
from subscriptions.bank.services.bank_file import take_in
from subscriptions.contracts.services.answering import answer_continuation
from subscriptions.contracts.services.compensate import compensate
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.domain.usage import UsageTold
from subscriptions.usage.services.usage import take_usage
from tests.factories import MemberFactory, PersonFactory, UserFactory
from tests.proof.billing.facts import Buyer
from tests.proof.billing.lived.scripts import Act, Deed
from tests.proof.billing.lived.shelf import SIM

AGREED = OrderConsents(terms=True, contract_summary_confirmed=True, early_execution_requested=True)
SWITCH = "proof"
IBANS = {
    "good": "FR1420041010050500013M02606",
    "slow": "FR3020041010050500013M02609",
    "poor": "FR9720041010050000002222227",
}
"""Test accounts of the simulated provider: debited in five days of banks, in ten, and never, as
there is nothing on it."""
_CONTRACT = "SELECT id FROM subscriptions_subscription WHERE order_number = %s"
_NUMBERS = "SELECT order_number, msisdn FROM subscriptions_subscription"
_ITEMS = """
SELECT id FROM subscriptions_subscriptionitem
 WHERE subscription_id = %s AND offering = ANY(%s) AND until_on IS NULL
"""
_UNANSWERED = """
SELECT contract.order_number, contract.id, asked.item_id
  FROM subscriptions_paidcontinuation AS asked
  JOIN subscriptions_subscriptionitem AS item ON item.id = asked.item_id
  JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
 WHERE asked.agreed IS NULL AND item.until_on IS NULL AND asked.answer_by >= %s
 ORDER BY asked.id
"""
_OPEN = """
SELECT invoice.number, invoice.gross - coalesce(sum(
           CASE WHEN moved.kind = 'invoice' THEN 0
                WHEN moved.credit = 'receivable' THEN moved.amount
                WHEN moved.debit = 'receivable' THEN -moved.amount
           END), 0)
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account
    ON account.id = invoice.account_id AND account.segment = %s
  LEFT JOIN subscriptions_transfer AS moved ON moved.invoice_id = invoice.id
 WHERE invoice.state = 'issued' AND invoice.kind <> 'credit_note' AND invoice.issued_on <= %s
 GROUP BY invoice.id ORDER BY invoice.id
"""


class Journal:
    """What was done, a JSON object a line; what a later run goes on from, and what is judged."""

    def __init__(self, file: Path) -> None:
        self._file = file
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]

    def write(self, **row: Any) -> None:
        self.rows.append(row)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")

    def orders(self) -> dict[tuple[int, str], str]:
        """The order that began each line, by life and line."""
        return {
            (row["life"], row["line"]): row["number"]
            for row in self.rows
            if row.get("deed") == Deed.ORDER.name
        }


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a customer, or the buyer of a firm."""

    context: AccountContext
    name: str


class World:
    """The lives' people; what each does is written into the journal."""

    def __init__(self, journal: Journal, *, web: str) -> None:
        self.journal, self._web = journal, web
        self._people: dict[int, Person] = {}
        self._browser = Browser(web)
        self._orders = journal.orders()
        for row in journal.rows:
            if row.get("deed") == "PERSON":
                self._people[row["life"]] = _person(row)

    def act(self, act: Act, *, buyer: Buyer) -> None:
        """Do it and write down what was asked for and what the system answered.

        None of the scripts asks for what is not to be had: a refusal is a fault of the run, which
        goes on without that line if it was its order, and is told at its end.
        """
        if act.deed is not Deed.ORDER and (act.life, act.line) not in self._orders:
            return
        try:
            # As in a request: business time is read once.
            with business_time_fixed():
                done = self._deeds()[act.deed](act, buyer)
        except FaisceauError as refusal:
            self.journal.write(refused=f"{act}: {refusal.code}, {refusal.message}")
            return
        self._note(act, done)

    def tell_use(self, acts: Sequence[Act]) -> None:
        """Hand in what all of them used, as one file of the switch."""
        numbers = self._numbers()
        told: dict[Act, list[UsageTold]] = {}
        for act in acts:
            order = self._orders.get((act.life, act.line))
            if order is None:
                continue
            msisdn = numbers[order]
            for place, (day, quantity) in enumerate(act.used):
                at = datetime.combine(day, time(23, 30), tzinfo=PARIS)
                name = f"{act.life}{act.line}/{act.day}/{place}"
                record = UsageTold(name, msisdn, at, Dimension.CALLS, quantity)
                told.setdefault(act, []).append(record)
        with business_time_fixed():
            taken = take_usage([one for records in told.values() for one in records], source=SWITCH)
        if taken.refused or taken.suspended:
            raise AssertionError(f"records were not counted: {taken}")
        for act, records in told.items():
            used = [(each.reference, each.started_at, each.quantity) for each in records]
            self._note(act, {"used": used})

    def _note(self, act: Act, done: Mapping[str, Any]) -> None:
        self.journal.write(
            life=act.life,
            line=act.line,
            deed=act.deed.name,
            day=business_today(),
            goods=act.goods,
            **done,
        )

    def agree_to_pay(self) -> int:
        """Everybody says yes to what will cost after its free months; how many times that was."""
        lives = {number: life for (life, _), number in self._orders.items()}
        with connection.cursor() as cursor:
            cursor.execute(_UNANSWERED, [business_today()])
            asked = list(cursor)
        for order, line, item in asked:
            with business_time_fixed():
                answer_continuation(
                    self._people[lives[order]].context,
                    subscription_id=line,
                    item_id=item,
                    agreed=True,
                )
        return len(asked)

    def pay_bills_of_firms(self) -> int:
        """Transfer what is open, and take the bank's file in; how many bills that were."""
        today = business_today()
        transfers = [Transfer(*each) for each in open_bills(Buyer.BUSINESS, until=today)]
        if transfers:
            data = statement(transfers, on=today).encode()
            take_in(data, file=f"{today}.xml", by="proof")
        return len(transfers)

    def _deeds(self) -> Mapping[Deed, Callable[[Act, Buyer], dict[str, Any]]]:
        return {
            Deed.ORDER: self._order,
            Deed.PLAN: self._change,
            Deed.PLAN_LATER: self._change,
            Deed.RENEW: self._change,
            Deed.ADD: self._change,
            Deed.REMOVE: self._change,
            Deed.SUSPEND: self._change,
            Deed.RESUME: self._change,
            Deed.END: self._change,
            Deed.WITHDRAW: self._withdraw,
            Deed.DEBIT: self._debit,
            Deed.COMPENSATE: self._compensate,
        }

    def _who(self, life: int, buyer: Buyer) -> Person:
        if life not in self._people:
            row = new_person(life, buyer)
            self.journal.write(**row)
            self._people[life] = _person(row)
        return self._people[life]

    def _order(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        who = self._who(act.life, buyer)
        place = self._firm_orders if buyer is Buyer.BUSINESS else self._customer_orders
        number = place(act, who)
        self._orders[act.life, act.line] = number
        return {"number": number, "term": act.term, "ported": act.ported, "buyer": buyer.name}

    def _firm_orders(self, act: Act, who: Person) -> str:
        line = FleetLine(
            row=1, user_name=who.name, user_email="user@example.test", plan=act.goods[0],
            sim=SIM, term=act.term,
        )  # fmt: skip
        checkout = BulkCheckout(f"PO-{act.life}{act.line}", OrderConsents(terms=True))
        return place_bulk_order(who.context, lines=[line], checkout=checkout).number

    def _customer_orders(self, act: Act, who: Person) -> str:
        context = who.context
        code = carts.open_cart(context)
        plan, *options = act.goods
        carts.put_bundle(
            context,
            code=code,
            bundle="plan-only",
            choices={"plan": plan, "sim": SIM},
            term=act.term,
            extras=[("option", option) for option in options],
        )
        quote = start_checkout(context, code=code).quote
        if act.ported:
            line = next(each.id for each in quote.lines if each.offering == plan)
            choice = _kept(act.life * 3 + "ABC".index(act.line))
            carts.choose_number(context, code=code, line_id=line, choice=choice)
            quote = start_checkout(context, code=code).quote
        back = PayReturn(f"{self._web}/healthz", f"{self._web}/healthz")
        checkout = Checkout(quote.due_today_gross, AGREED, quote.digest(), pay_return=back)
        placed = place_order(context, code=code, checkout=checkout)
        address = open_session(key=placed.payment_key)
        pay(self._browser, address=address, card=GOOD, name=who.name)
        return placed.number

    def _change(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        who, line = self._who(act.life, buyer), self._contract(act)
        request = self._request(act, line)
        shown = quote_change(who.context, subscription_id=line, request=request)
        checkout = Checkout(
            shown.quote.due_today_gross,
            AGREED,
            shown.digest(),
            purchase_order="PO-CHANGE" if buyer is Buyer.BUSINESS else "",
        )
        placed = place_change(who.context, subscription_id=line, request=request, checkout=checkout)
        return {"number": placed.number, "on": shown.on, "term": act.term}

    def _request(self, act: Act, line: int) -> ChangeRequest:
        match act.deed:
            case Deed.PLAN | Deed.PLAN_LATER:
                when = When.NOW if act.deed is Deed.PLAN else When.CYCLE_END
                return ChangeRequest(ChangeKind.PLAN, choices={"plan": act.goods}, when=when)
            case Deed.RENEW:
                return ChangeRequest(ChangeKind.RENEW, choices={"plan": act.goods}, term=act.term)
            case Deed.ADD:
                return ChangeRequest(ChangeKind.ADD, choices={"option": act.goods})
            case Deed.REMOVE:
                with connection.cursor() as cursor:
                    cursor.execute(_ITEMS, [line, list(act.goods)])
                    items = tuple(pk for (pk,) in cursor)
                return ChangeRequest(ChangeKind.REMOVE, items=items)
            case Deed.SUSPEND:
                return ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH)
            case Deed.RESUME:
                return ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH)
        return ChangeRequest(ChangeKind.TERMINATE)

    def _withdraw(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        who = self._who(act.life, buyer)
        number = self._orders[act.life, act.line]
        (group,) = _column(
            'SELECT DISTINCT "group" FROM subscriptions_subscription WHERE order_number = %s',
            number,
        )
        shown = quote_withdrawal(who.context, number=number, group=group)
        placed = withdraw(who.context, number=number, group=group, digest=shown.digest())
        return {"number": placed.number, "on": shown.ends_on}

    def _debit(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        who, back = self._who(act.life, buyer), f"{self._web}/healthz"
        key = request_setup(
            party_id=who.context.party_id or 0,
            kind=MethodKind.SEPA_DEBIT,
            email=f"life{act.life}@example.test",
            language="fr",
            success_url=back,
            cancel_url=back,
        )
        page = self._browser.open(open_setup(key=key))
        self._browser.send(page.form_with("iban"), iban=IBANS[act.goods[0]], name=who.name)
        if not note_setup(key=key):
            raise AssertionError(f"{act} gave no mandate")
        return {}

    def _compensate(self, act: Act, buyer: Buyer) -> dict[str, Any]:
        number = self._orders[act.life, act.line]
        (group,) = _column(
            'SELECT DISTINCT "group" FROM subscriptions_subscription WHERE order_number = %s',
            number,
        )
        due_on = compensate(
            reference=f"proof/{act.life}{act.line}/{act.day}",
            order_number=number,
            group=group,
            amount=Money.of(str(act.amount)),
            days=Period(act.day, act.day + timedelta(days=1)),
            names={"fr": "Geste commercial", "en": "Goodwill"},
        )
        return {"amount": act.amount, "due_on": due_on}

    def _contract(self, act: Act) -> int:
        (pk,) = _column(_CONTRACT, self._orders[act.life, act.line])
        return int(pk)

    def _numbers(self) -> dict[str, str]:
        """The number of the line that each order began."""
        with connection.cursor() as cursor:
            cursor.execute(_NUMBERS)
            return dict(cursor.fetchall())


def open_bills(buyer: Buyer, *, until: date) -> list[tuple[str, Decimal]]:
    """The bills issued by that day on which something is owed, each with how much that is."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [buyer.value, until])
        return [(number, owed) for number, owed in cursor if owed > 0]


def _column(query: str, *values: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [value for (value,) in cursor]


def _kept(place: int) -> NumberChoice:
    """A number of its own to be brought along."""
    number = f"06{17_000_000 + place:08}"
    key = key_of(operator="02", quality="P", reference="A1B2C3", number=number)
    return NumberChoice(Keep.PORT, number, f"02PA1B2C3{key}")


def new_person(life: int, buyer: Buyer) -> dict[str, Any]:
    """A customer, or a firm with a buyer: as the journal has them."""
    name = f"Life {life}"
    if buyer is Buyer.CONSUMER:
        party = PersonFactory.create(display_name=name, email=f"life{life}@example.test")
        user = UserFactory.create(email=f"life{life}@example.test", party=party)
        return {"deed": "PERSON", "life": life, "name": name, "party": party.pk, "actor": user.pk}
    firm = Party.objects.create(
        kind=PartyKind.ORGANISATION, segment=Segment.BUSINESS, display_name=name,
        email=f"life{life}@firm.example",
    )  # fmt: skip
    known = Organisation.objects.create(party=firm, legal_name=name, siren=_siren(life))
    unit = Unit.objects.create(organisation=known, name=name)
    member = MemberFactory.create(
        unit=unit, name=name, role=Role.BUYER, order_limit=Decimal(1_000_000)
    )
    return {"deed": "PERSON", "life": life, "name": name, "party": firm.pk, "member": member.pk}


def _siren(life: int) -> str:
    """Nine digits, the last by Luhn's formula."""
    digits = [int(digit) for digit in f"{81_000_000 + life}"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return "".join(map(str, digits)) + str(-(sum(digits[::2]) + sum(doubled)) % 10)


def _person(row: Mapping[str, Any]) -> Person:
    if "member" in row:
        actor = Actor(ActorKind.CLIENT, row["member"], row["name"])
        context = AccountContext(
            actor, row["party"], Role.BUYER, Channel.B2B_API, membership_id=row["member"]
        )
    else:
        actor = Actor(ActorKind.USER, row["actor"], row["name"])
        context = AccountContext(actor, row["party"], Role.CUSTOMER, Channel.WEB)
    return Person(context, row["name"])


def instant(day: date) -> datetime:
    """When people act."""
    return datetime.combine(day, time(10), tzinfo=PARIS)
