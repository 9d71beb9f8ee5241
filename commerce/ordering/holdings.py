"""What a customer has, as the rules of next best offers know it: lines, and phones on their way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalogue.domain.model import Kind, Segment, Snapshot
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.ordering.domain.drafts import OwnLine
from commerce.ordering.domain.facts import offering_facts
from commerce.ordering.domain.next_offers import Holding, with_phone
from commerce.ordering.domain.states import GIVEN_UP, OrderState
from commerce.ordering.lines import line_of
from commerce.ordering.models import OrderItem
from promotions.domain.next_offers import LineFacts
from subscriptions.contracts.selectors import subscriptions_of
from subscriptions.domain.consumption import Consumption, used_up
from subscriptions.domain.views import SubscriptionView
from subscriptions.usage.using import Lines, consumption_of

MOST_BOUGHT = 500
"""Order lines that are looked at, the latest first."""


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of an order that was not given up."""

    order_number: str
    group: str
    offering: str
    state: OrderState
    on: date


def holdings_of(
    party_id: int,
    *,
    catalogue: Snapshot,
    segment: Segment,
    on: date,
    contracts: Sequence[SubscriptionView] | None = None,
) -> tuple[Holding, ...]:
    """The running lines, the latest first, then phones ordered whose line is not active yet.

    Two queries beside those for the contracts, which may be given.
    """
    every = subscriptions_of(party_id) if contracts is None else contracts
    bought = _bought(party_id)
    known = {(contract.order_number, contract.group) for contract in every}
    running = [contract for contract in every if contract.status == "active"]
    waiting = [one for one in bought if (one.order_number, one.group) not in known]
    owned = {one.offering for one in bought}
    owned |= {item.offering for each in running for item in each.items if item.until_on is None}
    used = consumption_of(party_id, on=on) if running else {}
    maker = _Maker(catalogue, segment, on, tuple(sorted(owned)), tuple(bought), used)
    lines = [maker.of_contract(contract) for contract in running]
    return (*lines, *(maker.of_order(one) for one in waiting if maker.is_phone(one)))


def _bought(party_id: int) -> list[Bought]:
    rows = (
        OrderItem.objects.filter(order__party_id=party_id)
        .exclude(order__state__in=[str(state) for state in GIVEN_UP])
        .order_by("-order__placed_at", "order_id", "position")
        .values_list("order__number", "group", "offering", "order__state", "order__placed_at")
    )
    return [
        Bought(number, group, offering, OrderState(state), _day(placed_at))
        for number, group, offering, state, placed_at in rows[:MOST_BOUGHT]
    ]


@dataclass(frozen=True, slots=True)
class _Maker:
    catalogue: Snapshot
    segment: Segment
    on: date
    owned: tuple[str, ...]
    bought: tuple[Bought, ...]
    used: Lines

    def of_contract(self, contract: SubscriptionView) -> Holding:
        line = line_of(contract, catalogue=self.catalogue)
        codes = tuple(item.offering for item in contract.items if item.until_on is None)
        ends = contract.commitment_ends_on
        return Holding(
            line=line,
            order_number=contract.order_number,
            group=contract.group,
            facts=self._facts(
                line,
                codes=(*codes, *self._with_it(contract.order_number, contract.group)),
                phone_on=self._phone_on(contract, line),
                left=(ends - self.on).days if ends is not None else None,
                used=self.used.get(contract.id, ()),
            ),
            monthly=self._monthly(contract),
        )

    def of_order(self, phone: Bought) -> Holding:
        codes = self._with_it(phone.order_number, phone.group)
        line = OwnLine(0, "", {"handset": (phone.offering,)}, Money.zero(), phone.on, None)
        facts = self._facts(line, codes=codes, phone_on=phone.on, left=None, active=False)
        return Holding(line, phone.order_number, phone.group, facts, {})

    def is_phone(self, one: Bought) -> bool:
        offering = self.catalogue.offerings.get(one.offering)
        return offering is not None and offering.kind is Kind.HANDSET

    def _facts(
        self,
        line: OwnLine,
        *,
        codes: Iterable[str],
        phone_on: date | None,
        left: int | None,
        active: bool = True,
        used: Sequence[Consumption] = (),
    ) -> LineFacts:
        main = {role: self.catalogue.offerings.get(found[0]) for role, found in line.has.items()}
        roles = ("handset", "plan", "sim")
        told = {role: offering for role in roles if (offering := main.get(role)) is not None}
        pending = {one.order_number for one in self.bought if one.state != OrderState.COMPLETED}
        return LineFacts(
            offerings={
                name: value
                for role, offering in told.items()
                for name, value in offering_facts(offering, role=role).items()
            },
            codes=tuple(sorted(set(codes))),
            with_phone=with_phone(
                self.owned,
                told.get("handset"),
                catalogue=self.catalogue,
                segment=self.segment.value,
            ),
            active=active,
            tenure_days=(self.on - line.activated_on).days if active else 0,
            phone_days=(self.on - phone_on).days if phone_on is not None else None,
            days_to_commitment_end=left,
            open_orders=len(pending),
            used_up=used_up(used, on=self.on),
        )

    def _with_it(self, order_number: str, group: str) -> tuple[str, ...]:
        key = (order_number, group)
        return tuple(one.offering for one in self.bought if (one.order_number, one.group) == key)

    def _phone_on(self, contract: SubscriptionView, line: OwnLine) -> date | None:
        """When the line's phone was ordered; without its order, when the line began."""
        if "handset" not in line.has:
            return None
        key = (contract.order_number, contract.group)
        days = (
            one.on
            for one in self.bought
            if (one.order_number, one.group) == key and self.is_phone(one)
        )
        return next(days, contract.activated_on)

    def _monthly(self, contract: SubscriptionView) -> dict[str, Money]:
        found: dict[str, Money] = {}
        for item in contract.items:
            offering = self.catalogue.offerings.get(item.offering)
            if offering is None or item.until_on is not None:
                continue
            role = offering.kind.value
            for charge in item.charges:
                month = charge.amount * charge.quantity / charge.every_months
                found[role] = found.get(role, Money.zero()) + month
        return {role: amount.rounded() for role, amount in found.items()}


def _day(at: datetime) -> date:
    return at.astimezone(PARIS).date()
