"""How a cart is changed: lock, lease, change, check by the rules, write; or nothing at all."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db import IntegrityError, transaction

from catalogue.domain.model import Slot, Snapshot
from catalogue.services.numbers import release_all
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Segment
from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.ordering.domain.cart import MOST_LINES, MOST_PER_LINE, new_code
from commerce.ordering.domain.checks import Issue, blocking, issues
from commerce.ordering.models import Cart, CartItem
from commerce.ordering.services.access import (
    CART_LIFE,
    editor_key,
    items_of,
    locked_for_change,
)
from commerce.ordering.services.numbering import cart_key, lines_with_chosen, settle_numbers
from commerce.ordering.services.pricing import Pricing, cart_value, pricing_of
from commerce.rows import insert, update

R = TypeVar("R")
Change = Callable[[Cart, list[CartItem], Pricing], R]

_TRIES = 5
_SHAPE = ("offering", "quantity", "group", "role", "term", "config")


@dataclass(frozen=True, slots=True)
class Edited(Generic[R]):
    """A cart as it was just written and judged, and what the change answers.

    Who shows the cart next need not read it again.
    """

    cart: Cart
    items: list[CartItem]
    pricing: Pricing
    issues: tuple[Issue, ...]
    result: R

    @property
    def code(self) -> str:
        return self.cart.code


@dataclass(frozen=True, slots=True)
class Wish:
    """An offering for a role of a bundle (or, without `group`, by itself)."""

    group: str
    role: str
    offering: str
    quantity: int = 1
    term: int | None = None


@transaction.atomic
def changed(context: AccountContext, *, code: str, change: Change[R]) -> Edited[R]:
    """Apply `change` to the locked cart and its items, then let the catalogue's rules judge.

    Raises: what `change` raises, and RuleViolated for the first rule that forbids the result;
        nothing is changed then.
    """
    cart = locked_for_change(context, code=code)
    items = items_of(cart)
    before = {item.pk: _shape(item) for item in items}
    numbered = lines_with_chosen(items)
    pricing = pricing_of(cart)
    touch(cart, context=context)
    result = change(cart, items, pricing)
    settle_numbers(items, catalogue=pricing.snapshot)
    if len(items) > MOST_LINES:
        raise RuleViolated(f"A cart has {MOST_LINES} lines at most.", code="too_many_lines")
    found = issues(cart_value(cart, items), catalogue=pricing.snapshot, at=pricing.at)
    wrong = blocking(found)
    if wrong is not None:
        raise refuse(wrong)
    _write(cart, items, before=before)
    given_back = numbered - lines_with_chosen(items)
    if given_back:
        release_all([cart_key(cart.code, line) for line in given_back])
    return Edited(cart, items, pricing, found, result)


def put(cart: Cart, items: list[CartItem], wish: Wish, *, catalogue: Snapshot) -> str:
    """Fill a role of a bundle; the line's id.

    Raises:
        NotFound: `unknown_offering`. RuleViolated: `slot_unknown`.
    """
    catalogue.offering(wish.offering)
    slot = _slot(catalogue, bundle=cart.bundles[wish.group], role=wish.role)
    there = [i for i in items if i.group == wish.group and i.role == wish.role]
    if slot.maximum == 1 and there:
        item = there[0]
        item.offering, item.quantity = wish.offering, checked_quantity(wish.quantity)
        if wish.term is not None:
            item.term = checked_term(wish.term) if wish.role == "plan" else 0
        return item.line_id
    same = next((i for i in there if i.offering == wish.offering), None)
    if same is not None:
        same.quantity = checked_quantity(same.quantity + wish.quantity)
        return same.line_id
    return append(cart, items, wish)


def append(cart: Cart, items: list[CartItem], wish: Wish) -> str:
    """A new line at the end; its id."""
    line_id = str(cart.next_line)
    cart.next_line += 1
    items.append(
        CartItem(
            cart=cart,
            line_id=line_id,
            offering=wish.offering,
            quantity=checked_quantity(wish.quantity),
            group=wish.group,
            role=wish.role,
            term=checked_term(wish.term or 0) if wish.role == "plan" else 0,
        )
    )
    return line_id


def item_of(items: list[CartItem], line_id: str) -> CartItem:
    """Raises NotFound `unknown_line`."""
    found = next((item for item in items if item.line_id == line_id), None)
    if found is None:
        raise NotFound("There is no such line in the cart.", code="unknown_line", line=line_id[:20])
    return found


def checked_quantity(quantity: int) -> int:
    """Raises RuleViolated `quantity_out_of_range`."""
    if not 1 <= quantity <= MOST_PER_LINE:
        raise RuleViolated(
            f"The quantity must be between 1 and {MOST_PER_LINE}.",
            code="quantity_out_of_range",
            field="quantity",
        )
    return quantity


def checked_term(term: int) -> int:
    """A commitment in months. The law allows 24 at most (L224-28 of the consumer code).

    Raises:
        RuleViolated: `term_not_offered`.
    """
    if not 0 <= term <= 24:
        raise RuleViolated(
            "A commitment lasts 24 months at most.", code="term_not_offered", field="term"
        )
    return term


def new_cart(context: AccountContext, *, segment: Segment, now: datetime) -> Cart:
    """An empty cart of the context's party, else of its visitor, under a fresh code."""
    for _ in range(_TRIES):
        cart = Cart(
            code=new_code(secrets.choice),
            party_id=context.party_id,
            visitor_key="" if context.party_id else context.visitor_key or "",
            segment=segment,
            channel=context.channel,
            channels=[str(context.channel)],
            editor_key=editor_key(context),
            editor_name=context.actor.name,
            created_at=now,
            touched_at=now,
            expires_at=now + CART_LIFE,
        )
        try:
            with transaction.atomic():
                cart.save(force_insert=True)
        except IntegrityError:
            continue
        return cart
    raise RuntimeError("no free cart code was found")


def touch(cart: Cart, *, context: AccountContext) -> None:
    """Note in which channel it was, and prolong its life; the caller saves the row."""
    now = business_now()
    cart.channel = context.channel
    if context.channel not in cart.channels:
        cart.channels = [*cart.channels, str(context.channel)]
    cart.version += 1
    cart.touched_at, cart.expires_at = now, now + CART_LIFE


def refuse(issue: Issue) -> RuleViolated:
    """The issue as an error; sentences per language stand in its detail."""
    return RuleViolated(
        issue.message.in_("en"),
        code=issue.code,
        rule=issue.rule,
        line=issue.line,
        role=issue.role,
        group=issue.group,
        sentences=dict(issue.message.by_language),
        way_out=dict(issue.way_out.by_language),
    )


def _slot(catalogue: Snapshot, *, bundle: str, role: str) -> Slot:
    found = catalogue.offering(bundle).slot(role)
    if found is None:
        raise RuleViolated(
            f"The bundle {bundle} has no place for {role[:20]!r}.", code="slot_unknown", role=role
        )
    return found


def _shape(item: CartItem) -> tuple[object, ...]:
    return tuple(getattr(item, name) for name in _SHAPE)


def _write(cart: Cart, items: list[CartItem], *, before: dict[int, tuple[object, ...]]) -> None:
    kept = [item for item in items if item.pk is not None]
    gone = set(before) - {item.pk for item in kept}
    if gone:
        CartItem.objects.filter(pk__in=gone).delete()
    altered = [item for item in kept if _shape(item) != before[item.pk]]
    update(altered, _SHAPE)
    insert(item for item in items if item.pk is None)
    update([cart])
