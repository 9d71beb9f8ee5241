"""Fleet orders: one line per named user, every row answered, accepted all or none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.db import transaction

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from catalogue.services.numbers import refused_port_ins
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.selectors import Address
from commerce.kernel.errors import FaisceauError, Forbidden, InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.markets.pack import market
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import issues
from commerce.ordering.domain.consents import OrderConsents, check_consents, check_in_parts
from commerce.ordering.domain.fleet import FleetLine, FleetRefused, RowAnswer, RowError
from commerce.ordering.domain.instalments import NO_CHOICES, Choices
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import OrderState
from commerce.ordering.services.approval import write_with_approval
from commerce.ordering.services.instalments import choices_for, in_parts
from commerce.ordering.services.place import PlacedOrder, check_expected, placed
from commerce.ordering.services.pricing import Pricing, customer_facts, priced, pricing_now
from commerce.ordering.services.writing import Buyer, Draft, needs_delivery

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAY_ORDER = frozenset({Role.BUYER, Role.APPROVER, Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class BulkCheckout:
    """`expected_total` (gross due today) and `digest` are compared when given. The phones are paid
    in `instalments` parts (0: at once)."""

    purchase_order: str
    consents: OrderConsents = field(default_factory=OrderConsents)
    expected_total: Money | None = None
    digest: str = ""
    language: str = "fr"
    instalments: int = 0


@dataclass(frozen=True, slots=True)
class FleetQuote:
    """`quote` is None unless every row is accepted; `in_parts`: how its phones may be paid."""

    quote: Quote | None
    answers: tuple[RowAnswer, ...]
    in_parts: Choices = NO_CHOICES


@dataclass(frozen=True, slots=True)
class _Fleet:
    """The rows as a cart, with where each line goes."""

    value: CartValue
    deliver_to: Mapping[str, Mapping[str, str]]
    answers: tuple[RowAnswer, ...]

    @property
    def accepted(self) -> bool:
        return all(answer.accepted for answer in self.answers)


def quote_bulk(context: AccountContext, *, lines: Sequence[FleetLine]) -> FleetQuote:
    """What the fleet would cost, in prices without tax; nothing is kept.

    Raises:
        Forbidden: `members_only`.
    """
    party_id = _member(context)
    pricing = pricing_now()
    fleet = _fleet(context, lines, pricing=pricing, party_id=party_id)
    quote = _quoted(fleet, pricing=pricing, party_id=party_id) if fleet.accepted else None
    if quote is None:
        return FleetQuote(None, fleet.answers)
    choices = choices_for(
        quote, segment=Segment.BUSINESS, party_id=party_id, snapshot=pricing.snapshot
    )
    return FleetQuote(quote, fleet.answers, choices)


@transaction.atomic
def place_bulk_order(
    context: AccountContext, *, lines: Sequence[FleetLine], checkout: BulkCheckout
) -> PlacedOrder:
    """Order all `lines` as one order on invoice, or none of them.

    Above the member's limit (due today and over the commitment, without tax) it waits for an
    approver. To be repeated only under an idempotency key: there is no cart behind it.

    Raises:
        Forbidden: `members_only`, `viewer`.
        InvalidInput: `purchase_order_missing`.
        FleetRefused: with an answer per row.
        RuleViolated: `price_changed`, `terms_not_accepted`, `out_of_stock`, `no_number_left`,
            `no_approver`; of paying in parts those of `in_parts`, `instalments_not_agreed`.
    """
    party_id = _member(context)
    if not checkout.purchase_order.strip():
        raise InvalidInput(
            "A business order needs your purchase-order number.",
            code="purchase_order_missing",
            field="purchase_order",
        )
    check_consents(checkout.consents, consumer=False)
    pricing = pricing_now()
    fleet = _fleet(context, lines, pricing=pricing, party_id=party_id)
    if not fleet.accepted:
        raise FleetRefused(fleet.answers)
    quote = _quoted(fleet, pricing=pricing, party_id=party_id)
    if checkout.expected_total is not None or checkout.digest:
        expected = checkout.expected_total or quote.due_today_gross
        check_expected(quote, expected=expected, digest=checkout.digest)
    parts = None
    if checkout.instalments:
        parts = in_parts(
            checkout.instalments,
            quote=quote,
            segment=Segment.BUSINESS,
            party_id=party_id,
            snapshot=pricing.snapshot,
        )
        check_in_parts(checkout.consents)
    reach = accounts.reach(party_id)
    draft = Draft(
        buyer=Buyer(party_id, reach.email, reach.phone, checkout.language or reach.language),
        value=fleet.value,
        quote=quote,
        pricing=pricing,
        state=OrderState.ACCEPTED,
        consents=checkout.consents,
        deliver_to=fleet.deliver_to,
        purchase_order=checkout.purchase_order.strip()[:60],
        membership_id=context.membership_id,
        in_parts=parts,
    )
    return placed(write_with_approval(draft, context=context))


def _member(context: AccountContext) -> int:
    if context.membership_id is None or context.party_id is None:
        raise Forbidden("Only members of an organisation order fleets.", code="members_only")
    if context.role not in _MAY_ORDER:
        raise Forbidden("A viewer can't order.", code="viewer")
    return context.party_id


def _quoted(fleet: _Fleet, *, pricing: Pricing, party_id: int) -> Quote:
    customer = customer_facts(fleet.value, pricing=pricing, party_id=party_id)
    return priced(fleet.value, pricing=pricing, customer=customer)


def _fleet(
    context: AccountContext, lines: Sequence[FleetLine], *, pricing: Pricing, party_id: int
) -> _Fleet:
    sites = accounts.party(party_id).addresses
    reader = _Reader(pricing, channel=str(context.channel), sites=sites)
    cart_lines: list[CartLine] = []
    bundles: dict[str, str] = {}
    deliver_to: dict[str, Mapping[str, str]] = {}
    answers = []
    reader.look_up_numbers(lines)
    for line in lines:
        errors = reader.errors_of(line)
        answers.append(RowAnswer(line.row, tuple(errors), line.user_name))
        if errors:
            continue
        group = f"u{line.row}"
        own = reader.cart_lines(line, group=group)
        cart_lines.extend(own)
        bundles[group] = reader.bundle.code
        site = reader.site_of(line)
        if site is not None:
            deliver_to.update({entry.id: site.as_json() for entry in own})
    value = CartValue(
        code="",
        lines=tuple(cart_lines),
        segment=Segment.BUSINESS,
        channel=str(context.channel),
        bundles=bundles,
    )
    return _Fleet(value, deliver_to, tuple(answers))


class _Reader:
    """Reads rows against one release; what rows have in common is judged once."""

    def __init__(self, pricing: Pricing, *, channel: str, sites: Sequence[Address]) -> None:
        self._pricing = pricing
        self._channel = channel
        self._sites = sites
        self._seen_users: dict[str, int] = {}
        self._seen_numbers: dict[str, int] = {}
        self._unportable: Mapping[str, RuleViolated] = {}
        self._judged: dict[tuple[str, str, str, int], list[RowError]] = {}
        self.bundle = fleet_bundle(pricing.snapshot)

    def look_up_numbers(self, lines: Iterable[FleetLine]) -> None:
        """Which of the numbers to be kept can't be, in one question."""
        kept: set[str] = set()
        for line in lines:
            with suppress(FaisceauError):  # told by row later
                kept.add(self._number(line).get("msisdn", ""))
        self._unportable = refused_port_ins(kept - {""}) if kept - {""} else {}

    def errors_of(self, line: FleetLine) -> list[RowError]:
        """Everything that is wrong with the row."""
        errors = self._user_errors(line)
        errors += self._number_errors(line)
        what = (line.plan, line.handset, line.sim, line.term)
        if what not in self._judged:
            self._judged[what] = self._choice_errors(line)
        errors += self._judged[what]
        if not errors and self._needs_site(line) and self.site_of(line) is None:
            errors.append(
                RowError("site", "site_unknown", "Name one of your organisation's sites.")
            )
        return errors

    def cart_lines(self, line: FleetLine, *, group: str) -> tuple[CartLine, ...]:
        """The row as a bundle instance."""
        user = {
            "user_name": line.user_name,
            "user_email": line.user_email,
            "site": line.site,
            "cost_centre": line.cost_centre,
        }
        config = {name: value for name, value in user.items() if value}
        chosen = (("handset", line.handset), ("plan", line.plan), ("sim", self._sim(line)))
        return tuple(
            CartLine(
                id=f"{line.row}-{place}",
                offering=offering,
                group=group,
                role=role,
                term=line.term if role == "plan" else 0,
                config={**config, **self._number(line)} if role == "plan" else config,
            )
            for place, (role, offering) in enumerate(chosen, start=1)
            if offering
        )

    def site_of(self, line: FleetLine) -> Address | None:
        """By label, number or SIRET; the only one there is when none is named."""
        wanted = line.site.strip().casefold()
        if not wanted:
            return self._sites[0] if len(self._sites) == 1 else None
        for site in self._sites:
            if wanted in (site.label.casefold(), str(site.id), site.siret):
                return site
        return None

    def _sim(self, line: FleetLine) -> str:
        slot = next((s for s in self.bundle.slots if s.role == "sim"), None)
        return line.sim or (slot.default if slot is not None and slot.default else "")

    def _number(self, line: FleetLine) -> dict[str, str]:
        if not line.number:
            return {"number_choice": "new"}
        pack = market(settings.MARKET)
        msisdn = pack.normalise_number(line.number)
        rio = pack.check_port_key(number=msisdn, key=line.rio)
        return {"number_choice": "port", "msisdn": msisdn, "rio": rio}

    def _user_errors(self, line: FleetLine) -> list[RowError]:
        errors = []
        if not line.user_name:
            errors.append(RowError("user_name", "missing", "Name the user of the line."))
        if not _EMAIL.fullmatch(line.user_email):
            errors.append(
                RowError("user_email", "email_malformed", "Give an address like name@example.org.")
            )
        first = self._seen_users.setdefault(line.user_email.casefold(), line.row)
        if first != line.row and line.user_email:
            errors.append(
                RowError("user_email", "user_twice", f"This user has a line in row {first}.")
            )
        return errors

    def _number_errors(self, line: FleetLine) -> list[RowError]:
        try:
            kept = self._number(line).get("msisdn", "")
        except FaisceauError as error:
            name = "rio" if error.detail.get("field") == "rio" else "number"
            return [RowError(name, error.code, error.message)]
        if kept and self._seen_numbers.setdefault(kept, line.row) != line.row:
            first = self._seen_numbers[kept]
            return [RowError("number", "number_twice", f"This number is kept in row {first}.")]
        if kept in self._unportable:
            refusal = self._unportable[kept]
            return [RowError("number", refusal.code, refusal.message)]
        return []

    def _choice_errors(self, line: FleetLine) -> list[RowError]:
        snapshot = self._pricing.snapshot
        errors = [
            RowError(name, "unknown_offering", f"No {name} is called {code[:40]!r}.")
            for name, code, kind in (
                ("plan", line.plan, Kind.PLAN),
                ("handset", line.handset, Kind.HANDSET),
                ("sim", line.sim, Kind.SIM),
            )
            if (code or name == "plan") and not _is(snapshot, code, kind)
        ]
        if errors:
            return errors
        value = CartValue(
            code="",
            lines=self.cart_lines(replace(line, number="", rio=""), group="u"),
            segment=Segment.BUSINESS,
            channel=self._channel,
            bundles={"u": self.bundle.code},
        )
        return [
            RowError(
                issue.role or "row",
                issue.rule or issue.code,
                issue.message.in_("en"),
                {language: issue.message.in_(language) for language in ("fr", "en")},
            )
            for issue in issues(value, catalogue=snapshot, at=self._pricing.at)
        ]

    def _needs_site(self, line: FleetLine) -> bool:
        snapshot = self._pricing.snapshot
        codes = (line.plan, line.handset, self._sim(line))
        return any(needs_delivery(snapshot.offering(code)) for code in codes if code)


def fleet_bundle(snapshot: Snapshot) -> Offering:
    """The bundle that a fleet's lines are made of: business, a plan and perhaps a handset.

    Raises:
        RuleViolated: `no_fleet_bundle`: the release sells none.
    """
    found = [
        offering
        for offering in snapshot.of_kind(Kind.BUNDLE)
        if Segment.BUSINESS in offering.segments
        and any(slot.role == "plan" and slot.minimum == 1 for slot in offering.slots)
    ]
    if not found:
        raise RuleViolated("No fleets are sold at present.", code="no_fleet_bundle")
    return min(found, key=lambda offering: (offering.rank, offering.code))


def _is(snapshot: Snapshot, code: str, kind: Kind) -> bool:
    offering = snapshot.offerings.get(code)
    return offering is not None and offering.kind is kind
