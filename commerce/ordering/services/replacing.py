"""What takes the place of a line's SIM or number: what is chosen for it, and its fee."""

from collections.abc import Mapping, Sequence

from django.conf import settings

from catalogue.domain.model import Kind, Offering, Segment
from catalogue.domain.numbers import STANDARD
from catalogue.pool import class_in_pool
from catalogue.services import numbers
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.markets.pack import market
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.changes import REASONS, ChangeReason, ChangeRequest
from commerce.ordering.domain.checks import broken_rules
from commerce.ordering.domain.facts import INSTEAD, Entry, unit_facts
from commerce.ordering.domain.fees import fee_for
from commerce.ordering.number_shop import SoldClass, classes_on_sale
from commerce.ordering.services.pricing import Pricing
from commerce.ordering.services.writing import CHANGE_GROUP
from subscriptions.domain.states import ChangeKind

ESIM = "esim"


def value_of(
    request: ChangeRequest,
    *,
    present: Sequence[Offering],
    pricing: Pricing,
    segment: Segment,
    channel: str,
) -> CartValue:
    """The new SIM, or what a number of its class costs, with the fee that the reason asks for.

    `present` is what the line has. The SIM itself costs nothing: the fee is all that is paid.

    Raises:
        InvalidInput: `reason_missing`, `nothing_chosen`, `number_invalid`.
        RuleViolated: `not_sold`; `esim_only`: only an eSIM is issued anew; `number_taken`,
            `number_not_sold`; what does not go with the phone.
    """
    reason = _reason(request)
    lines = (
        [_sim(request, reason, present=present, pricing=pricing, segment=segment, channel=channel)]
        if request.kind is ChangeKind.SIM
        else _number(request, pricing=pricing, segment=segment, channel=channel)
    )
    fee = fee_for(
        pricing.snapshot,
        change=request.kind,
        reason=reason,
        segment=segment,
        channel=channel,
        at=pricing.at,
    )
    if fee is not None:
        lines.append(CartLine("fee", fee.code, group=CHANGE_GROUP, role="fee"))
    return CartValue(code="", lines=tuple(lines), segment=segment, channel=channel)


def number_wanted(
    request: ChangeRequest, *, pricing: Pricing, segment: Segment, channel: str
) -> Mapping[str, str]:
    """The choice of a new number as the config of the line that gets it."""
    msisdn, sold = _wanted(request, pricing=pricing, segment=segment, channel=channel)
    config = {"number_choice": "new", "number_class": sold.code}
    return config | ({"msisdn": msisdn} if msisdn else {})


def _reason(request: ChangeRequest) -> ChangeReason:
    if request.reason not in REASONS[request.kind]:
        raise InvalidInput("Say why it is to be replaced.", code="reason_missing", field="reason")
    return request.reason


def _sim(
    request: ChangeRequest,
    reason: ChangeReason,
    *,
    present: Sequence[Offering],
    pricing: Pricing,
    segment: Segment,
    channel: str,
) -> CartLine:
    code = next(iter(request.choices.get("sim", ())), "")
    offering = pricing.snapshot.offerings.get(code)
    if offering is None or offering.kind is not Kind.SIM:
        raise InvalidInput("Choose a SIM.", code="nothing_chosen", field="choices", roles=["sim"])
    if not offering.sellable(segment=segment, channel=channel, at=pricing.at):
        raise RuleViolated(
            f"{offering.name.in_('en')} is not sold here (any more).",
            code="not_sold",
            offering=offering.code,
        )
    both = [offering, *(each for each in present if each.kind is Kind.SIM)]
    if reason is ChangeReason.REISSUE and not all(map(_is_esim, both)):
        raise RuleViolated("Only an eSIM is issued anew.", code="esim_only", field="choices")
    line = CartLine("sim", code, group=CHANGE_GROUP, role="sim", config={INSTEAD: "yes"})
    if reason is not ChangeReason.NEW_PHONE:
        _check_phone(line, offering, present=present, pricing=pricing, segment=segment)
    return line


def _is_esim(sim: Offering) -> bool:
    return sim.characteristics.get("form") == ESIM


def _check_phone(
    line: CartLine,
    sim: Offering,
    *,
    present: Sequence[Offering],
    pricing: Pricing,
    segment: Segment,
) -> None:
    """Whether the phone that the line has takes such a SIM."""
    entries = [Entry(line, sim)]
    entries += [
        Entry(CartLine(each.kind.value, each.code, role=each.kind.value), each)
        for each in present
        if each.kind is Kind.HANDSET
    ]
    facts = unit_facts(entries, bundle=None, segment=segment.value)
    for refusal in broken_rules(entries, facts=facts, catalogue=pricing.snapshot):
        raise RuleViolated(
            refusal.message.in_("en"), code=refusal.code, sentences=refusal.message.by_language
        )


def _number(
    request: ChangeRequest, *, pricing: Pricing, segment: Segment, channel: str
) -> list[CartLine]:
    """A number of a class that costs more is a line of its own."""
    _, sold = _wanted(request, pricing=pricing, segment=segment, channel=channel)
    if sold.offering is None:
        return []
    return [CartLine("number", sold.offering.code, group=CHANGE_GROUP, role="number")]


def _wanted(
    request: ChangeRequest, *, pricing: Pricing, segment: Segment, channel: str
) -> tuple[str, SoldClass]:
    on_sale = classes_on_sale(pricing.snapshot, segment=segment, channel=channel)
    if not request.msisdn:
        return "", on_sale[STANDARD]
    pack = market(settings.MARKET)
    msisdn = pack.normalise_number(request.msisdn)
    klass = class_in_pool(msisdn)
    if klass is None:
        raise numbers.taken(msisdn)
    sold = on_sale.get(klass)
    if sold is None or sold.tariff is not None:
        raise RuleViolated(
            f"{msisdn} can't be had with this line.",
            code="number_not_sold",
            msisdn=msisdn,
            field="msisdn",
        )
    return msisdn, sold
