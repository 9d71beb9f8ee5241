"""The providers' ports over HTTP (protocol: docs/providers.md)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from catalogue.domain.model import Snapshot
from catalogue.selectors import snapshot_of
from commerce.kernel.errors import Refused, Unknown
from commerce.kernel.money import Money
from commerce.ordering.domain.fulfilment import (
    ChargedItem,
    FulfilmentItem,
    FulfilmentOrder,
    OrderCharges,
)
from commerce.ordering.selectors import order_charges, order_for_fulfilment
from commerce.ordering.services.writing import GIVEN_UP_GROUP
from orchestration.adapters.changing import (
    OF_A_LINE,
    begun,
    config_of,
    ended,
    facts_of,
    new_facts,
)
from orchestration.adapters.client import HttpProvider, plain
from orchestration.domain.porting import OUR_OPERATOR
from orchestration.domain.settlement import Settled
from orchestration.ports import (
    Answer,
    BillingChange,
    BillingNumber,
    BillingStart,
    Entitlement,
    EntitlementOrder,
    LineActivation,
    LineChange,
    LineNumber,
    LineOrder,
    MoneyMoved,
    NetworkLine,
    NumberRoute,
    OrderBill,
    OrderCredit,
    PickUp,
    PortIn,
    PortMove,
    PortOutAnswer,
    PortRedirect,
    ProfileConfirmation,
    ProfileOrder,
    Return,
    Shipment,
    SimEnd,
    SimSwap,
    TakeBack,
    WearBill,
)
from promotions.selectors import promotions_of
from subscriptions.contracts.lines import line_of_subscription
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.charges import due_in_period
from subscriptions.domain.states import ENDING, ChangeKind

_REQUESTER = "1.3.6.1.4.1.99999"


class HttpLogistics(HttpProvider):
    """Our own warehouse."""

    prefix = "warehouse"

    def ship(self, request: Shipment, *, key: str) -> Answer:
        return Answer(self.post("shipments", body=plain(request), key=key))

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back("shipments/{id}/cancel", name="shipment_id", request=request, key=key)

    def announce_return(self, request: Return, *, key: str) -> Answer:
        return Answer(self.post("returns", body=plain(request), key=key))

    def cancel_return(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back("returns/{id}/cancel", name="return_id", request=request, key=key)


class HttpDropship(HttpLogistics):
    """A supplier who ships for us; the same protocol."""

    prefix = "dropship"


class HttpShops(HttpProvider):
    """Our shops, where customers fetch what was put aside for them."""

    prefix = "shops"

    def reserve(self, request: PickUp, *, key: str) -> Answer:
        return Answer(self.post("reservations", body=plain(request), key=key))

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back(
            "reservations/{id}/cancel", name="reservation_id", request=request, key=key
        )


class HttpPorting(HttpProvider):
    """The clearing house for number portability."""

    prefix = "porting"

    def port_in(self, request: PortIn, *, key: str) -> Answer:
        body = plain(request) | {"recipient_operator": OUR_OPERATOR}
        return Answer(self.post("requests", body=body, key=key))

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back("requests/{id}/cancel", name="porting_id", request=request, key=key)

    def move(self, request: PortMove, *, key: str) -> Answer:
        body = {"wished_on": request.wished_on.isoformat(), "slot": request.slot}
        return Answer(self.post(f"requests/{request.porting_id}/move", body=body, key=key))

    def redirect(self, request: PortRedirect, *, key: str) -> Answer:
        body = {"to": request.to}
        return Answer(self.post(f"requests/{request.porting_id}/redirect", body=body, key=key))

    def answer(self, request: PortOutAnswer, *, key: str) -> Answer:
        body: dict[str, Any] = {"eligible": request.eligible}
        if not request.eligible:
            body |= {"motive": request.motive, "sub_motive": request.sub_motive}
        return Answer(self.post(f"port-outs/{request.porting_id}/answer", body=body, key=key))


class HttpEsim(HttpProvider):
    """An SM-DP+ spoken to by ES2+ (GSMA SGP.22 section 5.3)."""

    prefix = "smdp"

    def download_order(self, request: ProfileOrder, *, key: str) -> Answer:
        body = {"reference": request.reference} | ({"eid": request.eid} if request.eid else {})
        return Answer({"iccid": self._function("downloadOrder", body=body, key=key)["iccid"]})

    def confirm_order(self, request: ProfileConfirmation, *, key: str) -> Answer:
        told = self._function(
            "confirmOrder",
            body={"reference": request.reference, "iccid": request.iccid, "releaseFlag": True},
            key=key,
        )
        return Answer({"lpa": f"LPA:1${told['smdpAddress']}${told['matchingId']}"})

    def cancel_order(self, request: TakeBack, *, key: str) -> Answer:
        iccid = request.id or self.made_of(request.of, name="iccid")
        if not iccid:
            return Answer({"nothing": "never_arrived"})
        body = {"iccid": iccid, "finalProfileStatusIndicator": "Available"}
        self._function("cancelOrder", body=body, key=key)
        return Answer({"iccid": iccid})

    def _function(self, name: str, *, body: dict[str, Any], key: str) -> dict[str, Any]:
        header = {"functionRequesterIdentifier": _REQUESTER, "functionCallIdentifier": key}
        told = self.post(f"gsma/rsp2/es2plus/{name}", body={"header": header} | body, key=key)
        return checked_execution(told)


def checked_execution(told: dict[str, Any]) -> dict[str, Any]:
    """Raises Refused when ES2+ says `Failed` (it says so with HTTP 200)."""
    status = told.get("header", {}).get("functionExecutionStatus", {})
    if status.get("status") != "Executed-Success":
        data = status.get("statusCodeData", {})
        code = f"es2_{data.get('subjectCode', '?')}_{data.get('reasonCode', '?')}"
        raise Refused(str(data.get("message") or "The SM-DP+ refused."), code=code)
    return told


class HttpNetwork(HttpProvider):
    """Provisioning of lines and special numbers."""

    prefix = "network"

    def activate(self, request: LineActivation, *, key: str) -> Answer:
        return Answer(self.post("lines", body=plain(request), key=key))

    def change(self, request: LineChange, *, key: str) -> Answer:
        body = plain(request)
        line = quote(body.pop("line_id"), safe="")
        return Answer(self.patch(f"lines/{line}", body=body, key=key))

    def swap_sim(self, request: SimSwap, *, key: str) -> Answer:
        line = quote(request.line_id, safe="")
        body = {"reference": request.reference, "iccid": request.iccid}
        return Answer(self.post(f"lines/{line}/sim", body=body, key=key))

    def end_sim(self, request: SimEnd, *, key: str) -> Answer:
        line = quote(request.line_id, safe="")
        body = {"reference": request.reference, "iccid": request.iccid}
        return Answer(self.post(f"lines/{line}/sim/end", body=body, key=key))

    def renumber(self, request: LineNumber, *, key: str) -> Answer:
        line = quote(request.line_id, safe="")
        body = {"reference": request.reference, "msisdn": request.msisdn}
        return Answer(self.patch(f"lines/{line}", body=body, key=key))

    def suspend(self, request: LineOrder, *, key: str) -> Answer:
        return self._ask("suspend", request, key=key)

    def restrict(self, request: LineOrder, *, key: str) -> Answer:
        return self._ask("restrict", request, key=key)

    def resume(self, request: LineOrder, *, key: str) -> Answer:
        return self._ask("resume", request, key=key)

    def _ask(self, verb: str, request: LineOrder, *, key: str) -> Answer:
        line = quote(request.line_id, safe="")
        body = {"reference": request.reference}
        return Answer(self.post(f"lines/{line}/{verb}", body=body, key=key))

    def route(self, request: NumberRoute, *, key: str) -> Answer:
        body = plain(request) | {"price": str(request.price)}
        return Answer(self.post("routes", body=body, key=key))

    def end(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back("lines/{id}/end", name="line_id", request=request, key=key)

    def lines(self) -> Iterator[NetworkLine]:
        for each in self.held("lines"):
            yield NetworkLine(
                *(str(each.get(name, "")) for name in ("line_id", "reference", "msisdn", "iccid"))
            )

    def end_route(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back("routes/{id}/end", name="route_id", request=request, key=key)


class HttpContent(HttpProvider):
    """Music, video, cloud and press partners."""

    prefix = "content"

    def entitle(self, request: Entitlement, *, key: str) -> Answer:
        return Answer(self.post("entitlements", body=plain(request), key=key))

    def suspend(self, request: EntitlementOrder, *, key: str) -> Answer:
        return self._ask("suspend", request, key=key)

    def resume(self, request: EntitlementOrder, *, key: str) -> Answer:
        return self._ask("resume", request, key=key)

    def _ask(self, verb: str, request: EntitlementOrder, *, key: str) -> Answer:
        entitlement = quote(request.entitlement_id, safe="")
        body = {"reference": request.reference}
        return Answer(self.post(f"entitlements/{entitlement}/{verb}", body=body, key=key))

    def end(self, request: TakeBack, *, key: str) -> Answer:
        return self.take_back(
            "entitlements/{id}/end", name="entitlement_id", request=request, key=key
        )

    def entitlements(self) -> Iterator[str]:
        for each in self.held("entitlements"):
            yield str(each.get("reference", ""))

    def settlement(self, month: date) -> Sequence[Settled]:
        told = self.get(f"settlements/{month:%Y-%m}")
        try:
            return tuple(
                Settled(
                    str(line["entitlement_id"]),
                    str(line["reference"]),
                    str(line["service"]),
                    int(line["days"]),
                )
                for line in told["lines"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unknown("content settled nothing that can be read") from error


class HttpBilling(HttpProvider):
    """An external biller that is told the same facts as our own billing."""

    prefix = "biller"

    def bill_order(self, request: OrderBill, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        lines = _due_once(agreed)
        if not lines:
            return Answer({"bill": ""})
        body = {
            "reference": agreed.number,
            "account_reference": _account(agreed.party_id),
            "segment": str(agreed.segment),
            "purchase_order": agreed.purchase_order,
            "description": f"Order {agreed.number}",
            "amount": str(sum(Decimal(line["amount"]) for line in lines)),
            "currency": lines[0]["currency"],
            "lines": lines,
        }
        return Answer({"bill": self.post("charges", body=body, key=key)["charge_id"]})

    def credit_order(self, request: OrderCredit, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        lines = _due_once(agreed, credited=request)
        if not lines:
            return Answer({"credit_note": ""})
        body = {
            "reference": "/".join((agreed.number, request.group, *request.lines)),
            "charge_reference": agreed.number,
            "account_reference": _account(agreed.party_id),
            "amount": str(sum(Decimal(line["amount"]) for line in lines)),
            "currency": lines[0]["currency"],
            "lines": lines,
        }
        return Answer({"credit_note": self.post("credits", body=body, key=key)["credit_id"]})

    def bill_wear(self, request: WearBill, *, key: str) -> Answer:
        agreed = order_charges(request.order_number)
        lines = _worn(agreed, request)
        body = {
            "reference": f"{agreed.number}/{request.group}/wear",
            "account_reference": _account(agreed.party_id),
            "segment": str(agreed.segment),
            "purchase_order": "",
            "description": f"Wear of what came back of order {agreed.number}",
            "amount": str(sum(Decimal(line["amount"]) for line in lines)),
            "currency": lines[0]["currency"],
            "lines": lines,
        }
        return Answer({"bill": self.post("charges", body=body, key=key)["charge_id"]})

    def start(self, request: BillingStart, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        snapshot, facts = snapshot_of(order.release), facts_of(order.items)
        said = config_of(order.items)
        items = begun(order) if order.change is ChangeKind.HOLDER else order.items
        body = {
            "reference": request.reference,
            "account_reference": _account(request.party_id),
            "starts_on": request.starts_on.isoformat(),
            "segment": str(order.segment),
            "channel": order.channel,
            "user_name": said.get("user_name", ""),
            "cost_centre": said.get("cost_centre", ""),
            "purchase_order": order.purchase_order,
            "term_months": max((item.term for item in order.items), default=0),
            "facts": {name: facts[name] for name in OF_A_LINE if facts.get(name)},
            "items": [_billed(item, order, snapshot=snapshot) for item in items],
        }
        return Answer(self.post("subscriptions", body=body, key=key))

    def change(self, request: BillingChange, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        assert order.change is not None
        assert order.subject is not None
        if order.change is ChangeKind.HOLDER:
            return self._hand_over(order, request, key=key)
        contract = subscription_view(order.party_id, order.subject)
        told = {
            "reference": f"{order.number}/{request.group}",
            "account_reference": _account(order.party_id),
            "subscription_reference": f"{contract.order_number}/{contract.group}",
        }
        if order.change in ENDING:
            told |= {"kind": str(order.change), "ends_on": request.on.isoformat()}
            return Answer({"change_id": self.post("ends", body=told, key=key)["end_id"]})
        snapshot, said = snapshot_of(order.release), config_of(order.items)
        lines = {item.id: f"{item.order_number}/{item.line_id}" for item in contract.items}
        renewed = begun(order) if order.change is ChangeKind.RENEW else ()
        body = told | {
            "kind": str(order.change),
            "on": request.on.isoformat(),
            "term_months": max((item.term for item in renewed), default=0),
            "begins": [_billed(item, order, snapshot=snapshot) for item in begun(order)],
            "ends": [lines[subject] for subject in ended(order)],
            "blocks": said.get("block", "") if order.change is ChangeKind.SUSPEND else "",
            "outgoing_only": said.get("grade", "") == "outgoing",
            "lifts": said.get("lifts", ""),
            "facts": dict(new_facts(order)),
        }
        return Answer({"change_id": self.post("changes", body=body, key=key)["change_id"]})

    def _hand_over(self, order: FulfilmentOrder, request: BillingChange, *, key: str) -> Answer:
        """The subscription ends for the one account, and begins for the other."""
        line = line_of_subscription(order.subject or 0)
        assert line is not None
        ends = {
            "reference": f"{order.number}/{GIVEN_UP_GROUP}",
            "account_reference": _account(line.party_id),
            "subscription_reference": f"{line.order_number}/{line.group}",
            "kind": str(ChangeKind.HOLDER),
            "ends_on": request.on.isoformat(),
        }
        self.post("ends", body=ends, key=f"{key}/{GIVEN_UP_GROUP}")
        begins = BillingStart(
            reference=f"{order.number}/{request.group}",
            order_number=order.number,
            group=request.group,
            party_id=order.party_id,
            starts_on=request.on,
        )
        return Answer({"change_id": self.start(begins, key=key).facts["subscription_id"]})

    def renumber(self, request: BillingNumber, *, key: str) -> Answer:
        contract = f"{request.order_number}/{request.group}"
        body = {
            "reference": f"{contract}/number",
            "account_reference": _account(request.party_id),
            "subscription_reference": contract,
            "kind": str(ChangeKind.NUMBER),
            "on": request.on.isoformat(),
            "facts": {"msisdn": request.msisdn},
        }
        return Answer(self.post("changes", body=body, key=key))

    def note_money(self, request: MoneyMoved, *, key: str) -> Answer:
        body = {
            "reference": request.reference,
            "account_reference": _account(request.party_id),
            "charge_reference": request.order_number,
            "kind": str(request.kind),
            "amount": str(request.amount.amount),
            "currency": request.amount.currency,
            "on": request.on.isoformat(),
        }
        return Answer(self.post("payments", body=body, key=key))


def _account(party_id: int) -> str:
    return f"P-{party_id}"


def _due_once(agreed: OrderCharges, *, credited: OrderCredit | None = None) -> list[dict[str, Any]]:
    """What falls due with the order, or what of it is credited, in the master basis; lines alike
    are one, so that the order of a fleet stays short: one for each of its cost centres."""
    rates = snapshot_of(agreed.release).tax_rates
    sums: dict[tuple[str, str, str, Money, str, str], int] = {}
    names: dict[tuple[str, str], Mapping[str, str]] = {}
    for item in agreed.items:
        if credited is not None and not _is_credited(item, credited):
            continue
        centre = agreed.cost_centres.get(item.group, "")
        for charge in item.charges:
            for due in due_in_period(charge, period=0):
                benefit, amount, tax = due.benefit or "", due.amount, due.tax_class
                like = (item.offering, due.charge, benefit, amount, tax, centre)
                sums[like] = sums.get(like, 0) + 1
                names[item.offering, due.charge] = item.names
    return [
        {
            "offering": offering,
            "names": dict(names[offering, code]),
            "code": code,
            "benefit": benefit,
            "amount": str((amount * times).amount),
            "currency": amount.currency,
            "times": times,
            "tax_class": tax_class,
            "tax_rate": str(rates[tax_class]),
            "cost_centre": centre,
        }
        for (offering, code, benefit, amount, tax_class, centre), times in sums.items()
    ]


def _worn(agreed: OrderCharges, request: WearBill) -> list[dict[str, Any]]:
    """What is owed for each piece that came back, at the tax of the piece."""
    rates = snapshot_of(agreed.release).tax_rates
    pieces = {
        item.line_id: (item, charge)
        for item in agreed.items
        for charge in item.charges
        if not charge.recurring
    }
    return [
        {
            "offering": item.offering,
            "names": dict(item.names),
            "code": "wear",
            "benefit": "",
            "amount": str(amount),
            "currency": charge.amount.currency,
            "times": 1,
            "tax_class": charge.tax_class,
            "tax_rate": str(rates[charge.tax_class]),
            "cost_centre": agreed.cost_centres.get(request.group, ""),
        }
        for item, charge, amount in (
            (*pieces[line], amount) for line, amount in request.owed.items()
        )
    ]


def _is_credited(item: ChargedItem, by: OrderCredit) -> bool:
    """Of a bundle's credit, what was credited alone before is no part."""
    if by.lines:
        return item.line_id in by.lines
    return item.group == by.group and not item.taken_out


def _billed(item: FulfilmentItem, order: FulfilmentOrder, *, snapshot: Snapshot) -> dict[str, Any]:
    """An item with what it costs again and again, in the master basis of the segment; what it cost
    once was billed with the order. Lines of two orders may be called alike."""
    promotions = promotions_of(snapshot).promotions
    names = {code: promotion.name.by_language for code, promotion in promotions.items()}
    return {
        "reference": f"{order.number}/{item.line_id}",
        "offering": item.offering,
        "names": dict(snapshot.offering(item.offering).name.by_language),
        "facts": dict(item.facts),
        "charges": [
            {
                "code": charge.code,
                "amount": str(charge.amount.amount),
                "currency": charge.amount.currency,
                "quantity": charge.quantity,
                "every_months": charge.every_months,
                "tax_class": charge.tax_class,
                "tax_rate": str(snapshot.tax_rates[charge.tax_class]),
                "benefits": [
                    {
                        "code": benefit.code,
                        "names": dict(names.get(benefit.code, {})),
                        "kind": str(benefit.kind),
                        "value": str(benefit.value),
                        "first": benefit.first,
                        "periods": benefit.periods,
                        "from_piece": benefit.from_piece,
                        "pieces": benefit.pieces,
                    }
                    for benefit in charge.benefits
                ],
            }
            for charge in item.charges
            if charge.recurring
        ],
    }
