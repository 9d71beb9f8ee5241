"""Filling a cart: every change is checked by the catalogue's rules, and refused whole."""

from collections.abc import Collection, Iterable, Mapping

from catalogue.domain.model import Kind
from catalogue.domain.numbers import STANDARD
from catalogue.services.numbers import refused_port_ins
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel, Segment
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.ordering.domain.numbering import (
    NUMBER_KEYS,
    DeclaredUse,
    Keep,
    NumberChoice,
    has_number,
    lends_number,
)
from commerce.ordering.domain.packs import groups_of, line_group, pack_of, place_in
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart, CartItem
from commerce.ordering.services.access import cart_scope
from commerce.ordering.services.editing import (
    Edited,
    Wish,
    append,
    changed,
    checked_quantity,
    checked_term,
    item_of,
    new_cart,
    put,
)
from commerce.ordering.services.numbering import (
    checked_choice,
    checked_use,
    former_numbers,
    hold_for_cart,
    offering_of_class,
)
from commerce.ordering.services.pricing import Pricing, pricing_of
from promotions.domain.codes import normalise
from promotions.selectors import known_code

_BUSINESS_CHANNELS = frozenset({Channel.B2B_API, Channel.PORTAL})


def open_cart(context: AccountContext, *, segment: Segment | None = None) -> str:
    """The code of the actor's open cart; a new one when there is none.

    Raises: as `begin_cart`.
    """
    present = (
        Cart.objects.filter(
            cart_scope(context),
            state=CartState.OPEN,
            segment=_segment(context, segment),
            expires_at__gt=business_now(),
        )
        .order_by("-touched_at", "-pk")
        .first()
    )
    return present.code if present else begin_cart(context, segment=segment).code


def begin_cart(context: AccountContext, *, segment: Segment | None = None) -> Edited[None]:
    """A new, empty cart.

    Without `segment`, business channels make business carts and all others consumers'.

    Raises:
        InvalidInput: `no_owner`: neither a party nor a visitor is known (an agent without a
            customer opens a cart by its code instead).
    """
    if context.party_id is None and not context.visitor_key:
        raise InvalidInput("A cart needs an owner.", code="no_owner", field="party")
    cart = new_cart(context, segment=_segment(context, segment), now=business_now())
    return Edited(cart, [], pricing_of(cart), (), None)


def _segment(context: AccountContext, wanted: Segment | None) -> Segment:
    business = context.channel in _BUSINESS_CHANNELS
    return wanted or (Segment.BUSINESS if business else Segment.CONSUMER)


def put_bundle(
    context: AccountContext,
    *,
    code: str,
    bundle: str,
    choices: Mapping[str, str],
    term: int = 0,
    extras: Iterable[tuple[str, str]] = (),
) -> Edited[str]:
    """Begin a bundle with some of its places filled (name -> offering); the result is its group.

    `extras` are more (name, offering), for places that take several. Of a pack with lines of their
    own each line gets a group too, and "first.plan" is the plan of its place "first"; a bundle
    that is such a line begins the pack, and its own group is the result.

    Raises:
        NotFound: `unknown_cart`, `unknown_offering`.
        RuleViolated: `not_a_bundle`, or why the choices can't be (see `choose`).
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> str:
        catalogue = pricing.snapshot
        begun = catalogue.offering(bundle)
        if begun.kind is not Kind.BUNDLE:
            raise RuleViolated(f"{bundle} is no bundle.", code="not_a_bundle", offering=bundle)
        pack = catalogue.offering(begun.part_of or bundle)
        group = f"g{cart.next_line}"
        cart.next_line += 1
        bundles, around = {**cart.bundles, **groups_of(pack, group)}, bundle.partition("/")[2]
        for role, chosen in (*choices.items(), *extras):
            name = f"{around}.{role}" if around else role
            place, own, code = place_in(pack, group, name)
            cart.bundles = bundles = {**bundles, place: code}
            put(cart, items, Wish(place, own, chosen, term=term), catalogue=catalogue)
        cart.bundles = bundles
        return place_in(pack, group, f"{around}.")[0] if around else group

    return changed(context, code=code, change=change)


def choose(
    context: AccountContext,
    *,
    code: str,
    group: str,
    role: str,
    offering: str,
    quantity: int = 1,
    term: int | None = None,
) -> Edited[str]:
    """Put `offering` in a role of a bundle; the result is the line's id.

    A role for one is replaced (what was said about the number stays); others are added to, and
    the same offering again counts up. `term` in months belongs to the plan.

    Raises:
        NotFound: `unknown_cart`, `unknown_group`, `unknown_offering`.
        RuleViolated: `slot_unknown`, `slot_full`, `not_a_candidate`, `not_for_sale`,
            `term_not_offered`, `quantity_out_of_range`, or `incompatible` with the `rule`, the
            sentence per language and the `way_out`.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> str:
        if group not in cart.bundles:
            raise NotFound("There is no such bundle in the cart.", code="unknown_group")
        wish = Wish(group, role, offering, quantity, term)
        return put(cart, items, wish, catalogue=pricing.snapshot)

    return changed(context, code=code, change=change)


def add_line(
    context: AccountContext, *, code: str, offering: str, quantity: int = 1
) -> Edited[str]:
    """Put `offering` into the cart by itself, outside of any bundle; the result is the line's id.

    Raises: as `choose`; `bundle_needed` for what is only sold inside a bundle.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> str:
        found = pricing.snapshot.offering(offering)
        if found.kind in (Kind.BUNDLE, Kind.PLAN, Kind.SIM, Kind.FEE, Kind.NUMBER):
            raise RuleViolated(
                f"{offering} is chosen within a bundle.", code="bundle_needed", offering=offering
            )
        same = next((i for i in items if i.offering == offering and not i.group), None)
        if same is not None:
            same.quantity = checked_quantity(same.quantity + quantity)
            return same.line_id
        wish = Wish("", found.kind.value, offering, quantity)
        return append(cart, items, wish)

    return changed(context, code=code, change=change)


def change_line(
    context: AccountContext,
    *,
    code: str,
    line_id: str,
    quantity: int | None = None,
    term: int | None = None,
) -> Edited[None]:
    """Change how many, or the commitment of a plan.

    Raises:
        NotFound: `unknown_line`. RuleViolated: as `choose`.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        item = item_of(items, line_id)
        if quantity is not None:
            item.quantity = checked_quantity(quantity)
        if term is not None:
            item.term = checked_term(term)

    return changed(context, code=code, change=change)


def remove_line(context: AccountContext, *, code: str, line_id: str) -> Edited[None]:
    """Take a line out; a bundle that is left empty goes with it. Once gone, nothing happens."""

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        items[:] = [item for item in items if item.line_id != line_id]
        filled = {pack_of(item.group, cart.bundles) for item in items}
        cart.bundles = {g: b for g, b in cart.bundles.items() if pack_of(g, cart.bundles) in filled}

    return changed(context, code=code, change=change)


def choose_line(context: AccountContext, *, code: str, group: str, bundle: str) -> Edited[None]:
    """Let another bundle be the line of a pack; what stood in the line goes out, unless it is that.

    Raises:
        NotFound: `unknown_group`. RuleViolated: `not_a_line`: the pack has no such line there.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        around = pack_of(group, cart.bundles)
        if group not in cart.bundles or around == group:
            raise NotFound("There is no such line of a pack.", code="unknown_group")
        pack = pricing.snapshot.offering(cart.bundles[around])
        lines = (line for line in pack.lines if line_group(around, line) == group)
        if not any(bundle in line.bundles for line in lines):
            raise RuleViolated(f"{bundle} is no such line.", code="not_a_line", field="bundle")
        if cart.bundles[group] != bundle:
            items[:] = [item for item in items if item.group != group]
            cart.bundles = {**cart.bundles, group: bundle}

    return changed(context, code=code, change=change)


def remove_bundle(context: AccountContext, *, code: str, group: str) -> Edited[None]:
    """Take a whole bundle out, with all lines of its pack. Once gone, nothing happens."""

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        pack = pack_of(group, cart.bundles)
        gone = {g for g in cart.bundles if pack_of(g, cart.bundles) == pack}
        items[:] = [item for item in items if item.group not in gone]
        cart.bundles = {g: b for g, b in cart.bundles.items() if g not in gone}

    return changed(context, code=code, change=change)


def choose_number(
    context: AccountContext, *, code: str, line_id: str, choice: NumberChoice
) -> Edited[None]:
    """Say which number a line gets: a new one (any, or one that was found), or one that is kept.

    A new one is held for 15 minutes; what its class costs comes into the bundle as a line, and
    goes with it.

    Raises:
        InvalidInput: the number, the RIO (`rio_format`, `rio_number`, `rio_quality`, `rio_family`,
            `rio_key`), or the day or slot of the porting is not acceptable; `field` says which.
        NotFound: `unknown_line`.
        RuleViolated: `no_number_here`: the line is no plan; `number_is_ours` or `port_under_way`:
            the number can't be brought in; `number_taken`, `number_not_sold`;
            `no_temporary_number`.
    """
    config = checked_choice(choice)
    if choice.keep is Keep.PORT:
        for refusal in refused_port_ins([config["msisdn"]]).values():
            raise refusal

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        item = item_of(items, line_id)
        if not has_number(pricing.snapshot.offering(item.offering)):
            raise RuleViolated("Only a plan has a number.", code="no_number_here")
        if "temporary" in config:
            _check_lends(item, pricing)
        kept = {k: v for k, v in item.config.items() if k not in NUMBER_KEYS}
        item.config = {**kept, **config}
        if choice.keep is Keep.NEW and choice.msisdn:
            own = former_numbers(context.party_id)
            _take_number(cart, items, item, pricing, own=own)

    return changed(context, code=code, change=change)


def _check_lends(item: CartItem, pricing: Pricing) -> None:
    if not lends_number(pricing.snapshot.offering(item.offering), catalogue=pricing.snapshot):
        raise RuleViolated(
            "This plan can't be had with a temporary number.",
            code="no_temporary_number",
            field="temporary",
        )


def declare_use(
    context: AccountContext, *, code: str, line_id: str, use: DeclaredUse
) -> Edited[None]:
    """Say where the calls to a special number go, and what it serves.

    Raises:
        NotFound: `unknown_line`.
        InvalidInput: `route_invalid`.
        RuleViolated: `no_special_number`, `purpose_forbidden`, `purpose_not_offered`.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        item = item_of(items, line_id)
        said = checked_use(use, offering=pricing.snapshot.offering(item.offering))
        item.config = {**item.config, **said}

    return changed(context, code=code, change=change)


def _take_number(
    cart: Cart, items: list[CartItem], item: CartItem, pricing: Pricing, *, own: Collection[str]
) -> None:
    """Hold the number that the line names, and put what its class costs beside the line."""
    msisdn, catalogue = item.config["msisdn"], pricing.snapshot
    klass, selling = offering_of_class(msisdn, item, catalogue=catalogue)
    if selling:
        put(cart, items, Wish(item.group, "number", selling), catalogue=catalogue)
    elif item.role == "plan":
        items[:] = [i for i in items if i.group != item.group or i.role != "number"]
    item.config = {**item.config, **({"number_class": klass} if klass != STANDARD else {})}
    hold_for_cart(msisdn, cart=cart, line_id=item.line_id, klass=klass, own=own)


def enter_code(context: AccountContext, *, code: str, promotion_code: str) -> Edited[None]:
    """Enter a promotion code; the quote says what it gives or why it doesn't.

    Raises:
        RuleViolated: `unknown_promotion_code`.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        entered = known_code(pricing.promotions, promotion_code)
        if entered is None:
            raise RuleViolated(
                f"The code {promotion_code.strip()[:40]!r} is not known. Check how it is written.",
                code="unknown_promotion_code",
                field="promotion_code",
            )
        if entered not in cart.codes:
            cart.codes = [*cart.codes, entered]

    return changed(context, code=code, change=change)


def drop_code(context: AccountContext, *, code: str, promotion_code: str) -> Edited[None]:
    """Forget an entered promotion code."""
    dropped = {promotion_code.strip().upper(), normalise(promotion_code)}

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        cart.codes = [entered for entered in cart.codes if entered not in dropped]

    return changed(context, code=code, change=change)
