"""What is said about a number is checked by the market's rules in every channel."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from catalogue.domain.numbers import STANDARD
from catalogue.pool import PORTED, class_in_pool, held_until, propose, resting
from catalogue.services import numbers
from commerce.accounts.identity import AccountContext
from commerce.events import timers
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.markets.pack import market
from commerce.ordering.domain.fulfilment import temporary_number
from commerce.ordering.domain.numbering import (
    NUMBER_KEYS,
    SLOTS,
    DeclaredUse,
    Keep,
    NumberChoice,
    class_sold,
    sells_range,
    uses_sold,
)
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart, CartItem, OrderItem
from commerce.ordering.number_shop import tariff_of
from commerce.ordering.services.access import find_cart
from subscriptions.contracts.lines import last_used_by

FURTHEST = timedelta(days=90)
"""How far ahead a porting may be wished."""


def proposed_numbers(context: AccountContext, *, code: str, count: int = 4) -> tuple[str, ...]:
    """Free numbers for the owner of a cart; the same when asked again. Nothing is held.

    Raises:
        NotFound: `unknown_cart`.
    """
    cart = find_cart(context, code=code)
    return propose(count=count, at=business_now(), salt=cart.code)


def former_numbers(party_id: int | None) -> tuple[str, ...]:
    """Mobile numbers that the party may have back with a new line, and nobody else may have: the
    contract ended so few days ago (40 in France), and the number rests still. Two queries."""
    if party_id is None:
        return ()
    pack = market(settings.MARKET)
    kept = timedelta(days=pack.porting_rules().recoverable_days)
    found = last_used_by(party_id, since=business_today() - kept)
    here = resting(found)
    return tuple(msisdn for msisdn in found if msisdn in here and pack.is_mobile(msisdn))


def has_temporary_number(order_number: str, *, group: str) -> bool:
    """Whether the bundle's line has its number only until the one that comes along is here."""
    coming = OrderItem.objects.filter(
        order__number=order_number, group=group, config__number_choice="port"
    )
    return any(temporary_number(config=row.config, facts=row.facts) for row in coming)


def checked_choice(choice: NumberChoice) -> dict[str, str]:
    """The choice as a line's config, normalised.

    Raises:
        InvalidInput: `number_invalid`, `number_not_mobile`, `rio_...`, `port_day_invalid`,
            `port_slot_invalid`; `detail["field"]` names the value.
    """
    pack = market(settings.MARKET)
    if choice.keep is Keep.NEW:
        if not choice.msisdn:
            return {"number_choice": "new"}
        short = "".join(filter(str.isdigit, choice.msisdn))
        msisdn = short if pack.is_special(short) else pack.normalise_number(choice.msisdn)
        return {"number_choice": "new", "msisdn": msisdn}
    msisdn = pack.normalise_number(choice.msisdn)
    if not pack.is_mobile(msisdn):
        raise InvalidInput(
            "Only a mobile number can be kept with a mobile plan.",
            code="number_not_mobile",
            field="msisdn",
        )
    config = {
        "number_choice": "port",
        "msisdn": msisdn,
        "rio": pack.check_port_key(number=msisdn, key=choice.rio),
        "port_slot": _slot(choice.slot),
    }
    if choice.port_on is not None:
        config["port_on"] = _day(choice.port_on).isoformat()
    if choice.temporary:
        config["temporary"] = "yes"
    return config


def checked_use(use: DeclaredUse, *, offering: Offering) -> dict[str, str]:
    """What a special number of `offering` is for, as its line's config.

    Raises:
        RuleViolated: `no_special_number`; `purpose_forbidden`: the law keeps numbers of this tariff
            from it (in France: L121-16); `purpose_not_offered`.
        InvalidInput: `route_invalid`; `detail["field"]` names the value.
    """
    tariff = tariff_of(offering)
    if tariff is None:
        raise RuleViolated(
            f"{offering.code} is no special number: it has no use to declare.",
            code="no_special_number",
        )
    law = tariff.forbidden.get(use.purpose)
    if law is not None:
        raise RuleViolated(
            law.text["en"], code="purpose_forbidden", field="purpose", sentences=dict(law.text)
        )
    sold = uses_sold(offering)
    if use.purpose not in sold:
        raise RuleViolated(
            f"{offering.code} is sold for: {', '.join(sold)}.",
            code="purpose_not_offered",
            field="purpose",
        )
    return {"route_to": _route(use.route_to), "purpose": use.purpose.value}


def _route(text: str) -> str:
    """A number of ten figures that is no special one itself."""
    pack = market(settings.MARKET)
    try:
        number = pack.normalise_number(text)
    except InvalidInput:
        number = ""
    if not number or pack.is_special(number):
        raise InvalidInput(
            "Calls are led to a landline or mobile number of 10 figures, such as 01 99 00 12 34.",
            code="route_invalid",
            field="route_to",
        )
    return number


def cart_key(cart_code: str, line_id: str) -> str:
    """Under which a number is held for a line of a cart."""
    return f"cart:{cart_code}/{line_id}"


MOST_KEPT: Mapping[Segment, int] = {Segment.CONSUMER: 3, Segment.BUSINESS: 20}
"""Numbers that somebody may have kept at once, over all of his carts."""


def hold_for_cart(
    msisdn: str, *, cart: Cart, line_id: str, klass: str, own: Collection[str] = ()
) -> None:
    """Nobody else gets the number for the next 15 minutes (business time); a timer frees it, or
    lets it rest on if it is one of the asker's `own`.

    Raises:
        RuleViolated: `number_taken`; `too_many_numbers_kept`: the owner of the cart has as many
            kept as he may; `detail` says how many.
    """
    now = business_now()
    until = now + numbers.HELD_FOR
    key = cart_key(cart.code, line_id)
    _check_kept(cart, key=key, at=now)
    numbers.hold_number(msisdn=msisdn, klass=klass, key=key, until=until, own=own)
    timers.schedule(
        key=f"{numbers.HOLD_TIMER}:{key}",
        handler=numbers.HOLD_TIMER,
        due_at=until,
        payload={"msisdn": msisdn},
    )


def one_at_a_time(name: str) -> None:
    """Whoever does the same waits, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _check_kept(cart: Cart, *, key: str, at: datetime) -> None:
    """One request of an owner after the other, so that none counts what the other is about to
    keep. A visitor is who his browser says he is."""
    owner = f"party:{cart.party_id}" if cart.party_id else f"visitor:{cart.visitor_key}"
    one_at_a_time(f"numbers kept for {owner}")
    own = Cart.objects.filter(state=CartState.OPEN)
    if cart.party_id:
        own = own.filter(party_id=cart.party_id)
    elif cart.visitor_key:
        own = own.filter(party=None, visitor_key=cart.visitor_key)
    else:
        own = own.filter(pk=cart.pk)
    with_number = CartItem.objects.filter(cart__in=own, config__has_key="msisdn")
    pairs = with_number.values_list("cart__code", "line_id")
    keys = {cart_key(code, line) for code, line in pairs} - {key}
    most = MOST_KEPT[Segment(cart.segment)]
    if sum(end > at for end in held_until(keys).values()) >= most:
        raise RuleViolated(
            f"You have {most} numbers kept already; order one, or wait until it is free again.",
            code="too_many_numbers_kept",
            field="msisdn",
            most=most,
        )


def offering_of_class(msisdn: str, item: CartItem, *, catalogue: Snapshot) -> tuple[str, str]:
    """The class of a number that the line may get, and the offering that sells it (empty: none is
    needed).

    Raises:
        RuleViolated: `number_taken`: it is none of ours; `number_not_sold`: not with this line.
    """
    klass = class_in_pool(msisdn)
    if klass is None:
        raise numbers.taken(msisdn)
    if klass == PORTED:  # had back by its last user, else refused when it is held
        klass = STANDARD
    own = catalogue.offering(item.offering)
    if klass == (class_sold(own) if sells_range(own) else STANDARD):
        return klass, ""
    selling = [
        each.code
        for each in catalogue.of_kind(Kind.NUMBER)
        if class_sold(each) == klass and not sells_range(each)
    ]
    if sells_range(own) or not selling:
        raise RuleViolated(
            f"{msisdn} can't be had with this line.",
            code="number_not_sold",
            msisdn=msisdn,
            field="msisdn",
        )
    return klass, selling[0]


def settle_numbers(items: list[CartItem], *, catalogue: Snapshot) -> None:
    """The number of a plan and the line that pays for its class stay of one mind.

    The paying line decides: without it a chosen silver number is given back; a number that is
    kept needs none. A special number that is exchanged for one of another tariff keeps what still
    fits of what was said.
    """
    for item in items:
        own = catalogue.offering(item.offering)
        if sells_range(own):
            item.config = _still_fitting(item.config, own)
    paying = {
        item.group: item
        for item in items
        for offering in [catalogue.offering(item.offering)]
        if item.group and offering.kind is Kind.NUMBER and not sells_range(offering)
    }
    for item in items:
        if catalogue.offering(item.offering).kind is not Kind.PLAN:
            continue
        line = paying.get(item.group)
        if line is not None and item.config.get("number_choice") == "port":
            items.remove(line)
            continue
        klass = class_sold(catalogue.offering(line.offering)) if line is not None else STANDARD
        if item.config.get("number_class", STANDARD) != klass:
            item.config = _any_of_class(item.config, klass)


def _still_fitting(config: dict[str, str], offering: Offering) -> dict[str, str]:
    dropped: set[str] = set()
    if config.get("number_class", class_sold(offering)) != class_sold(offering):
        dropped |= NUMBER_KEYS
    if config.get("purpose") not in uses_sold(offering):
        dropped.add("purpose")
    return {k: v for k, v in config.items() if k not in dropped}


def _any_of_class(config: dict[str, str], klass: str) -> dict[str, str]:
    kept = {k: v for k, v in config.items() if k not in ("msisdn", "number_class")}
    named = {"number_class": klass} if klass != STANDARD else {}
    return {**kept, "number_choice": "new", **named}


def lines_with_chosen(items: Iterable[CartItem]) -> frozenset[str]:
    """The lines for which a new number was chosen."""
    return frozenset(
        item.line_id
        for item in items
        if item.config.get("number_choice") == "new" and item.config.get("msisdn")
    )


def _slot(slot: str) -> str:
    if slot and slot not in SLOTS:
        raise InvalidInput(
            f"Choose one of {', '.join(SLOTS)}.", code="port_slot_invalid", field="port_slot"
        )
    return slot or SLOTS[0]


def _day(wished: date) -> date:
    """A working day after today and within 90 days."""
    today = business_today()
    if not today < wished <= today + FURTHEST:
        raise InvalidInput(
            "Choose a day between tomorrow and three months from now.",
            code="port_day_invalid",
            field="port_on",
        )
    if not market(settings.MARKET).is_working_day(wished):
        raise InvalidInput(
            "Numbers are ported from Monday to Saturday, except on public holidays.",
            code="port_day_invalid",
            field="port_on",
        )
    return wished
