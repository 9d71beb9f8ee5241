"""How the merchant sells on the bills of an operator, one thing after the other.

What the operator does not answer stays as it is and is asked again: by the customer who comes back,
by an event, or by the next month.
"""

import logging
import secrets
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.faults import Faults
from commerce.sandbox.merchant.books import OPEN, PAID, Books, Held, Sale
from commerce.sandbox.merchant.events import PAYMENT, REFUND, fault_of
from commerce.sandbox.merchant.goods import NAME, PRODUCTS, Product
from commerce.sandbox.merchant.operator import Operator, Silent

logger = logging.getLogger(__name__)

FAULTS = ("no_delivery", "no_confirmation", "sold_twice", "deaf")
"""Paid and not delivered; reserved and never confirmed; each month asked for twice; no event
taken. Planted for a product's code, or (deaf) for a type of event."""


ANSWERED_WITHIN = 15 * 60
"""Seconds that a customer has, at most."""
OPERATORS = ZoneInfo("Europe/Paris")
"""Where the operator's months begin."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Our books beside the operator's list: payments that he has and we have not sold, sales that
    were paid and he has not, and those of another amount or with another sum given back; each by
    its reference."""

    compared: int
    not_ours: list[str]
    not_his: list[str]
    differ: list[str]

    @property
    def agree(self) -> bool:
        return not (self.not_ours or self.not_his or self.differ)


class Shop:
    """`address` is where the operator's events arrive."""

    def __init__(
        self, *, books: Books, operator: Operator, clock: Clock, faults: Faults, address: str
    ) -> None:
        self._books = books
        self._operator = operator
        self._clock = clock
        self._faults = faults
        self._address = address

    def sell(self, product: Product, *, number: str, channel: str = "Web") -> Sale:
        """Reserve it at the operator's, who then asks the customer. Raises Silent."""
        reference = f"lune-{secrets.token_hex(6)}"
        sale = self._begin(reference, product=product, number=number)
        answer = self._operator.prepare(self._request(sale, product, channel=channel))
        if answer.code:
            self._books.lost(sale, "refused", why=answer.code)
            return self._books.sale(reference)
        how = answer.body.get("validationInfo", {})
        self._books.waits(
            sale,
            "page" if how.get("action") == "open" else "code",
            payment=answer.body["paymentId"],
            authorization=how.get("authorizationId", ""),
            way=how.get("validationURL", ""),
        )
        return self._books.sale(reference)

    def type_code(self, sale: Sale, *, code: str) -> Sale:
        """The customer's code, which the operator sent to the line. Raises Silent."""
        answer = self._operator.validate(sale.payment, authorization=sale.authorization, code=code)
        if answer.code == "CARRIER_BILLING.INVALID_CODE":
            self._books.noted(sale, why=answer.code)
        else:
            self.look(sale)
        return self._books.sale(sale.reference)

    def look(self, sale: Sale) -> Sale:
        """See how far it is at the operator's, and go on from there; may be repeated. Raises
        Silent."""
        if sale.state in OPEN and sale.payment:
            state = self._operator.state_of(sale.payment)
            if state == "reserved":
                state = self._confirmed(sale)
            if state == "succeeded":
                self._paid(sale, payment=sale.payment)
            elif state in ("denied", "cancelled"):
                lost = "refused" if state == "denied" else "given_up"
                self._books.lost(sale, lost, why=state)
        return self._books.sale(sale.reference)

    def give_back(self, sale: Sale, *, reason: str) -> Sale:
        """All of it. Raises Silent."""
        body = {
            "type": "total",
            "reason": reason,
            "amountTransaction": {
                "clientCorrelator": f"{sale.reference}-back",
                "referenceCode": f"{sale.reference}-back",
                "refundAmount": {},
            },
            **self._sink(sale),
        }
        answer = self._operator.refund(sale.payment, body)
        if answer.code:
            self._books.noted(sale, why=answer.code)
        else:
            self._books.given_back(sale, remaining=self._operator.remaining(sale.payment))
        return self._books.sale(sale.reference)

    def hear(self, event: Any, *, headers: Mapping[str, str]) -> str:
        """An event of the operator's; what is wrong with it, or nothing. Raises Silent: he is to
        send it again."""
        wrong = fault_of(event, headers=headers)
        told: dict[str, Any] = event if isinstance(event, dict) else {}
        payment = "" if wrong else str(told["data"]["paymentId"])
        sale = self._known(payment)
        if not wrong and sale and headers.get("authorization") != f"Bearer {sale.token}":
            wrong = "without the token that we gave"
        kind = str(told.get("type", ""))
        if sale and not wrong:
            self._act_on(sale, kind)
        self._books.heard(
            str(told.get("id") or secrets.token_hex(8)), kind=kind, payment=payment, wrong=wrong
        )
        return wrong

    def is_deaf(self, event: Any) -> bool:
        kind = str(event.get("type", "")) if isinstance(event, dict) else ""
        return self._faults.strike(kind, kinds=("deaf",)) is not None

    def next_due(self) -> float | None:
        """Agenda: the next month of a customer."""
        return self._books.next_due()

    def run_due(self, now: float) -> None:
        """Agenda: ask for the months that are due; the same request again after a crash."""
        for held in self._books.due(now):
            self._ask_month(held)

    def compared(self) -> Differences:
        """Raises Silent."""
        his = {
            each["amountTransaction"]["referenceCode"]: each
            for each in self._operator.payments()
            if each["paymentStatus"] == "succeeded"
        }
        ours = {each.reference: each for each in self._books.sales() if each.state in PAID}
        both = sorted(his.keys() & ours.keys())
        return Differences(
            compared=len(both),
            not_ours=sorted(his.keys() - ours.keys()),
            not_his=sorted(ours.keys() - his.keys()),
            differ=[each for each in both if not self._is_same(ours[each], his[each])],
        )

    def statement_compared(self, month: str) -> Differences | None:
        """The operator's closed month, such as 2026-11, line by line beside our books; None if he
        has closed none. What was begun in the last minutes of a month may be in the next one's.
        Raises Silent."""
        told = self._operator.statement(month)
        if told is None:
            return None
        sold: dict[str, int] = {}
        back: dict[str, int] = {}
        for line in told["lines"]:
            cents = round(Decimal(line["gross"]) * 100)
            if line["kind"] == "purchase":
                sold[line["reference"]] = sold.get(line["reference"], 0) + cents
            else:
                back[line["paymentId"]] = back.get(line["paymentId"], 0) - cents
        ours = {each.reference: each for each in self._books.sales() if each.state in PAID}
        both = sorted(sold.keys() & ours.keys())
        returned = {each.payment: each.returned for each in ours.values()}
        wrong = [each for each in both if ours[each].cents != sold[each]]
        wrong += [payment for payment, cents in back.items() if cents > returned.get(payment, 0)]
        ours_alone = [
            each.reference
            for each in ours.values()
            if _is_of(each.at, month) and each.reference not in sold
        ]
        return Differences(
            compared=len(both),
            not_ours=sorted(sold.keys() - ours.keys()),
            not_his=sorted(ours_alone),
            differ=sorted(wrong) + ([] if _adds_up(told) else ["sums"]),
        )

    def _is_same(self, sale: Sale, payment: Mapping[str, Any]) -> bool:
        charging = payment["amountTransaction"]["paymentAmount"]["chargingInformation"]
        if (sale.payment, sale.cents) != (payment["paymentId"], round(charging["amount"] * 100)):
            return False
        return self._operator.remaining(sale.payment) == sale.cents - sale.returned

    def _ask_month(self, held: Held) -> None:
        product = PRODUCTS[held.product]
        twice = self._faults.strike(product.code, kinds=("sold_twice",))
        for again in ("", "-again") if twice else ("",):
            reference = f"lune-month-{held.id}-{held.months}{again}"
            sale = self._begin(reference, product=product, number=held.number, held=held.id)
            answer = self._operator.charge(self._request(sale, product, channel=""))
            if not answer.code:
                self._paid(sale, payment=answer.body["paymentId"])
                continue
            self._books.lost(sale, "refused", why=answer.code)
            if not again:
                self._books.ends(held, why=answer.code)
                return
        self._books.goes_on(held, next_at=month_after(held.began_at, months=held.months + 1))

    def _begin(
        self, reference: str, *, product: Product, number: str, held: int | None = None
    ) -> Sale:
        return self._books.begin(
            reference,
            product=product.code,
            number=number,
            cents=product.cents,
            token=secrets.token_urlsafe(24),
            held=held,
        )

    def _confirmed(self, sale: Sale) -> str:
        """Its state once we confirmed it: whatever he answers, he says then what became of it."""
        if self._faults.strike(sale.product, kinds=("no_confirmation",)):
            return "reserved"
        self._operator.confirm(sale.payment, number=sale.number)
        return self._operator.state_of(sale.payment)

    def _paid(self, sale: Sale, *, payment: str) -> None:
        delivered = not self._faults.strike(sale.product, kinds=("no_delivery",))
        first = self._books.paid(sale, payment=payment, delivered=delivered)
        product = PRODUCTS[sale.product]
        if first and product.monthly and sale.held is None:
            began = self._clock.now()
            self._books.hold(product.code, number=sale.number, next_at=month_after(began, months=1))

    def _known(self, payment: str) -> Sale | None:
        try:
            return self._books.sale_of(payment)
        except LookupError:
            return None

    def _act_on(self, sale: Sale, kind: str) -> None:
        if kind.startswith(REFUND):
            self._books.given_back(sale, remaining=self._operator.remaining(sale.payment))
        elif kind != f"{PAYMENT}pending-validation":
            self.look(sale)

    def _request(self, sale: Sale, product: Product, *, channel: str) -> dict[str, Any]:
        meta = {
            "merchantName": NAME,
            "purchaseCategoryCode": product.category,
            "serviceId": product.code,
            **({"channel": channel} if channel else {}),
        }
        transaction = {
            "phoneNumber": sale.number,
            "clientCorrelator": sale.reference,
            "referenceCode": sale.reference,
            "paymentAmount": {
                "chargingInformation": {
                    "amount": product.cents / 100,
                    "currency": "EUR",
                    "description": product.name,
                    "isTaxIncluded": True,
                },
                "chargingMetaData": meta,
            },
        }
        return {"amountTransaction": transaction, **self._sink(sale)}

    def _sink(self, sale: Sale) -> dict[str, Any]:
        """Where the operator's events go; the end of the token is the same at every try."""
        until = datetime.fromtimestamp(sale.at, UTC) + timedelta(days=3650)
        return {
            "sink": self._address,
            "sinkCredential": {
                "credentialType": "ACCESSTOKEN",
                "accessTokenType": "bearer",
                "accessToken": sale.token,
                "accessTokenExpiresUtc": until.isoformat(),
            },
        }


def _is_of(at: float, month: str) -> bool:
    """Begun in the month, and not so late that the customer's answer may have come after it."""
    days = [datetime.fromtimestamp(each, OPERATORS) for each in (at, at + ANSWERED_WITHIN)]
    return all(f"{day:%Y-%m}" == month for day in days)


def _adds_up(told: Mapping[str, Any]) -> bool:
    lines = sum(Decimal(line["gross"]) for line in told["lines"])
    return lines == Decimal(told["sold"]) - Decimal(told["givenBack"])


def ask(shop: Shop, sale: Sale) -> Sale:
    """As `look`, where nobody minds a silent operator."""
    try:
        return shop.look(sale)
    except Silent as silence:
        logger.warning("the operator is silent: %s", silence)
        return sale


def month_after(began: float, *, months: int) -> float:
    """The same instant of the day so many months later (UTC), on the last day of a shorter one."""
    first = datetime.fromtimestamp(began, UTC)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return first.replace(year=year, month=month + 1, day=min(first.day, last)).timestamp()
