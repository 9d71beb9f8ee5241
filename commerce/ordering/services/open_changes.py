"""Which orders change a contract just now, and whether another may begin.

The end of a contract goes before every change but another end; what waits for a later day lets
others go before it that touch something else.
"""

from collections.abc import Collection
from datetime import date

from django.db.models import F, Q, QuerySet

from commerce.kernel.clock import business_today
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.changes import CAN_WAIT
from commerce.ordering.domain.states import UNDER_WAY, WAITING, ItemAction, OrderState
from commerce.ordering.models import Order
from commerce.ordering.services.numbering import one_at_a_time
from commerce.ordering.services.writing import Amendment
from subscriptions.domain.states import APART, AT_ANY_TIME, ENDING, ChangeKind

TAKING_BACK = ENDING | {ChangeKind.RENEW, ChangeKind.PLAN}
BEFORE_AN_END = frozenset({ChangeKind.ADD, ChangeKind.REMOVE, ChangeKind.PLAN})
"""What an end costs depends on the plan and its commitment alone; of a plan that is bound no longer
it costs nothing."""
LETS_PASS = CAN_WAIT | {ChangeKind.ADVANTAGES}
"""Those that wait for a later day let others go before them."""


def open_change(subscription_id: int) -> str:
    """The number of the order that changes the contract now; empty if there is none. One that waits
    for a later day, another SIM or number count only where nothing else is under way."""
    others = (*open_in_the_way(subscription_id), *open_apart(subscription_id))
    return next(iter(others), "")


def open_in_the_way(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the open orders that change what the contract holds or end it, those that wait
    for no later day first."""
    rows = _open(subscription_id).exclude(change__in=_words(AT_ANY_TIME | APART))
    by_day = rows.order_by(_NOW_FIRST, "pk")
    return tuple(by_day.values_list("number", flat=True))


def open_ends(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the open orders that end the contract."""
    rows = _open(subscription_id).filter(change__in=_words(ENDING)).order_by("pk")
    return tuple(rows.values_list("number", flat=True))


def open_passing_on(subscription_id: int) -> tuple[tuple[str, int], ...]:
    """The numbers of the orders by which the line goes to another holder, and whose they are."""
    rows = _open(subscription_id).filter(change=ChangeKind.HOLDER).order_by("pk")
    return tuple(rows.values_list("number", "party_id"))


def open_apart(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the orders that bring the contract another SIM or number."""
    rows = _open(subscription_id).filter(change__in=_words(APART)).order_by("pk")
    return tuple(rows.values_list("number", flat=True))


def called_off_by(kind: ChangeKind, *, subscription_id: int) -> tuple[str, ...]:
    """The numbers of the open orders that have nothing left to change once the contract was closed
    by a change of that kind: all but other ends and blocks; and these too where its line goes on
    under another holder, whom they would hit."""
    stays = {kind} if kind is ChangeKind.HOLDER else AT_ANY_TIME | ENDING
    rows = _open(subscription_id).exclude(change__in=_words(frozenset(stays))).order_by("pk")
    return tuple(rows.values_list("number", flat=True))


def taken_back_by(kind: ChangeKind, *, subscription_id: int) -> tuple[str, ...]:
    """The open orders, by number, that such a change takes back: an end of the contract all that
    change what it holds, and, where the customer withdraws, its coming end; a renewal, which
    chooses the plan and its commitment anew, another plan that waits for a later day, and the
    coming end that the customer has wished for: he stays. Another plan, as a renewal, what other
    lines make of the advantages of the one whose place it takes: its own are judged with it."""
    if kind not in TAKING_BACK:
        return ()
    rows = _open(subscription_id).exclude(change__in=_words(AT_ANY_TIME | APART)).order_by("pk")
    if kind is ChangeKind.PLAN:
        rows = rows.filter(change=ChangeKind.ADVANTAGES, begins_on__gt=business_today())
    elif kind is ChangeKind.RENEW:
        later = {ChangeKind.PLAN, ChangeKind.TERMINATE, ChangeKind.ADVANTAGES}
        rows = rows.filter(change__in=_words(frozenset(later)), begins_on__gt=business_today())
        rows = rows.exclude(pk__in=_for_unpaid(subscription_id).values("pk"))
    else:
        stays = ENDING if kind is ChangeKind.TERMINATE else frozenset({ChangeKind.WITHDRAW})
        rows = rows.exclude(change__in=_words(stays))
    return tuple(rows.values_list("number", flat=True))


def in_the_way_of(number: str) -> tuple[int, tuple[str, ...]]:
    """Whose the accepted order `number` is, and what it takes back before it begins."""
    accepted = Order.objects.filter(
        number=number,
        state=OrderState.ACCEPTED,
        subject__isnull=False,
        change__in=_words(TAKING_BACK),
    )
    for party_id, subject, change in accepted.values_list("party_id", "subject", "change"):
        return party_id, taken_back_by(ChangeKind(change), subscription_id=subject or 0)
    return 0, ()


def ends_at_once(number: str) -> bool:
    """Whether the order ends a contract without notice: its number went to another operator, or
    the customer withdrew."""
    at_once = Q(items__config__ported="yes") | Q(change=ChangeKind.WITHDRAW)
    return Order.objects.filter(at_once, number=number).exists()


def take_turns(subscription_id: int) -> None:
    """Whoever orders a change of the contract waits for who does just now, until the end of his
    transaction: neither would see the order of the other."""
    one_at_a_time(f"changes of contract {subscription_id}")


def check_free(
    amendment: Amendment,
    *,
    subscription_id: int,
    begins: Collection[str] = (),
) -> tuple[Order, ...]:
    """The orders that wait for a later day and before which the amendment goes; `begins` are the
    offerings that it brings.

    A block goes before everything but itself; a line goes on only after the blocks under way;
    another SIM or number waits for its own kind alone, and the end of the contract for another end.

    Raises:
        RuleViolated: `change_under_way`; `plan_binds_the_end`: what the coming end costs would be
            another than was shown with it.
    """
    rows, kind = _open(subscription_id), amendment.kind
    if kind in AT_ANY_TIME:
        rows = rows.filter(change__in=_words(AT_ANY_TIME))
    elif kind in APART:
        rows = rows.filter(change__in=[kind, ChangeKind.HOLDER])
    elif kind is ChangeKind.TERMINATE:
        rows = rows.filter(change__in=_words(ENDING))
    elif kind is ChangeKind.WITHDRAW:
        rows = rows.filter(change=kind)
    else:
        rows = rows.exclude(change__in=_words(AT_ANY_TIME | APART))
        rows = rows.exclude(number__in=taken_back_by(kind, subscription_id=subscription_id))
    if kind is ChangeKind.SUSPEND:
        block = amendment.config["block"]
        rows = rows.filter(change=ChangeKind.SUSPEND, items__config__block=block)
    later = tuple(rows.order_by("pk"))
    for order in later:
        if not _goes_before(order, amendment, begins=begins):
            raise _refusal(order, amendment)
    return later


def _refusal(order: Order, amendment: Amendment) -> RuleViolated:
    """Why `order`, which waits for a later day, lets nothing pass."""
    ends_on = order.begins_on if order.change == ChangeKind.TERMINATE else None
    wished = amendment.kind is ChangeKind.PLAN and not amendment.config.get("announced")
    if ends_on is not None and wished and _binds(amendment, on=ends_on):
        return RuleViolated(
            "What ending this contract costs depends on its plan. Take its end back first"
            f" ({order.number}), change the plan, then end it anew.",
            code="plan_binds_the_end",
            order=order.number,
        )
    return change_under_way(order.number)


def _goes_before(later: Order, amendment: Amendment, *, begins: Collection[str]) -> bool:
    """Whether the amendment can take effect before `later` does, each as it was quoted. What takes
    the place of a plan later takes that of the one that is there by then, and an end ends it."""
    if later.begins_on is None or later.begins_on <= business_today():
        return False
    kind, waits = ChangeKind(later.change), amendment.not_before
    ends = kind is ChangeKind.TERMINATE
    if ends:
        if not _goes_before_end(later.begins_on, amendment):
            return False
    elif kind not in LETS_PASS or (waits is not None and kind is amendment.kind):
        return False
    replaced = set() if waits and not ends else set(amendment.replaced.values())
    touched = {*amendment.replaced.values(), *(each.item_id for each in amendment.touched)}
    for item in later.items.all():
        takes_place = ends or item.action == ItemAction.MODIFY
        if item.subject in touched and not (takes_place and item.subject in replaced):
            return False
        if item.action != ItemAction.DELETE and item.role != "fee" and item.offering in begins:
            return False
    return True


def _goes_before_end(ends_on: date, amendment: Amendment) -> bool:
    """Whether it takes effect before the end of the contract, and changes nothing of what that
    costs. A plan may change once it is bound no longer; not as we announced it, which the end took
    back, as its holder was shown. Who must hear of the end of what is brought hears of it with the
    rest."""
    waits = amendment.not_before
    if amendment.kind not in BEFORE_AN_END or (waits is not None and waits >= ends_on):
        return False
    if amendment.config.get("announced"):
        return False
    if amendment.kind is ChangeKind.PLAN:
        return not _binds(amendment, on=ends_on)
    return True


def _binds(amendment: Amendment, *, on: date) -> bool:
    """Whether the plan is still bound on that day."""
    return amendment.config.get("bound_until", "") > on.isoformat()


def change_under_way(number: str) -> RuleViolated:
    return RuleViolated(
        f"Another change of this line is under way ({number}); wait until it is done."
        if number
        else "Another change of this line is under way; wait until it is done.",
        code="change_under_way",
        order=number,
    )


def open_ends_for_unpaid(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the open orders by which we end the contract as its bills are not paid."""
    return tuple(_for_unpaid(subscription_id).values_list("number", flat=True).distinct())


def _for_unpaid(subscription_id: int) -> QuerySet[Order]:
    rows = _open(subscription_id).filter(change=ChangeKind.TERMINATE, items__config__unpaid="yes")
    return rows.order_by("pk")


def is_stopping(subscription_id: int, *, block: str) -> bool:
    """Whether a block of that kind is about to begin."""
    stopping = _open(subscription_id).filter(change=ChangeKind.SUSPEND, items__config__block=block)
    return stopping.exists()


def open_stops(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the open orders that let the line stand still."""
    rows = _open(subscription_id).filter(change=ChangeKind.SUSPEND).order_by("pk")
    return tuple(rows.values_list("number", flat=True))


def _open(subscription_id: int) -> QuerySet[Order]:
    return Order.objects.filter(
        subject=subscription_id, state__in=[str(state) for state in {*WAITING, *UNDER_WAY}]
    )


def _words(kinds: frozenset[ChangeKind]) -> list[str]:
    return [str(kind) for kind in kinds]


_NOW_FIRST = F("begins_on").asc(nulls_first=True)
