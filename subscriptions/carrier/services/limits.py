"""What a line allows: the customer's own caps and blocks, below the law's."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, Role, Segment
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound
from commerce.kernel.money import Money
from commerce.markets.pack import CarrierCaps, market
from subscriptions.carrier.models import CarrierLimits, Merchant
from subscriptions.domain.carrier import Category, Limits
from subscriptions.models import Subscription

DECIDERS = (Role.APPROVER, Role.ADMINISTRATOR)
NO_CAPS: Mapping[Category, Decimal] = {}


def caps() -> CarrierCaps:
    """The law's, of the market."""
    return market(settings.MARKET).carrier_caps()


def limits_of(line: Subscription, *, currency: str = "EUR") -> Limits:
    """What the customer chose. Where he chose nothing the law's caps hold alone, but a firm's line
    is blocked: who uses it is not who pays."""
    row = getattr(line, "carrier_limits", None)
    if row is None:
        closed = _blocked_at_first(line)
        return Limits(opened=not closed, blocked=closed)
    return Limits(
        per_purchase=None if row.per_purchase is None else Money(row.per_purchase, currency),
        per_day=None if row.per_day is None else Money(row.per_day, currency),
        per_month=None if row.per_month is None else Money(row.per_month, currency),
        per_category={
            Category(kind): Money(Decimal(cap), currency) for kind, cap in row.per_category.items()
        },
        per_merchant={
            code: Money(Decimal(cap), currency) for code, cap in row.per_merchant.items()
        },
        blocked=row.blocked,
        categories=frozenset(Category(each) for each in row.categories),
        merchants=frozenset(row.merchants),
    )


@transaction.atomic
def set_limits(
    *,
    context: AccountContext,
    subscription_id: int,
    per_purchase: Decimal | None = None,
    per_day: Decimal | None = None,
    per_month: Decimal | None = None,
    per_category: Mapping[Category, Decimal] = NO_CAPS,
    per_merchant: Mapping[str, Decimal] | None = None,
    blocked: bool = False,
    categories: Collection[Category] = (),
) -> None:
    """Choose the line's own caps (tax included; None: the law's; those `per_category` and
    `per_merchant`, by their codes, are of a month) and what is blocked on it. Without
    `per_merchant` those stay as they are, as blocked merchants do; see `block_merchant`. Holds for
    purchases from now on.

    Raises:
        NotFound: no such line of the party's; `unknown_merchant`. Forbidden: `caller_not_verified`,
        of an agent; `may_not_limit_purchases`, of who decides nothing for his firm.
        InvalidInput: `cap_out_of_range`: not from 0 to the law's cap, in cents.
    """
    _check_may_limit(context)
    line = _locked(context, subscription_id)
    law = caps()
    known = Merchant.objects.filter(code__in=per_merchant or ()).count()
    if known != len(per_merchant or ()):
        raise NotFound("There is no such merchant.", code="unknown_merchant")
    for field, chosen, most in (
        ("per_purchase", per_purchase, law.per_purchase),
        ("per_day", per_day, law.per_month),
        ("per_month", per_month, law.per_month),
        *((f"per_category.{kind}", cap, law.per_month) for kind, cap in per_category.items()),
        *(
            (f"per_merchant.{code}", cap, law.per_month)
            for code, cap in (per_merchant or {}).items()
        ),
    ):
        if chosen is not None and (not 0 <= chosen <= most.amount or chosen != round(chosen, 2)):
            raise InvalidInput(
                f"Choose an amount from 0 to {most.amount} EUR.",
                code="cap_out_of_range",
                field=field,
            )
    of_merchants = {}
    if per_merchant is not None:
        of_merchants["per_merchant"] = {
            code: f"{cap:.2f}" for code, cap in sorted(per_merchant.items())
        }
    _keep(
        context,
        line,
        **of_merchants,
        per_purchase=per_purchase,
        per_day=per_day,
        per_month=per_month,
        per_category={str(kind): f"{cap:.2f}" for kind, cap in sorted(per_category.items())},
        blocked=blocked,
        categories=sorted(str(each) for each in set(categories)),
    )


@transaction.atomic
def set_limits_of_lines(
    *,
    context: AccountContext,
    subscription_ids: Collection[int],
    per_purchase: Decimal | None = None,
    per_day: Decimal | None = None,
    per_month: Decimal | None = None,
    per_category: Mapping[Category, Decimal] = NO_CAPS,
    per_merchant: Mapping[str, Decimal] | None = None,
    blocked: bool = False,
    categories: Collection[Category] = (),
) -> int:
    """The same for several lines of a firm, all or none; how many.

    Raises:
        Forbidden: `may_not_limit_purchases`: only who approves and administrators do. InvalidInput:
        `no_line_chosen`; more as `set_limits`.
    """
    if context.role not in DECIDERS:
        raise Forbidden("Others of the firm decide this.", code="may_not_limit_purchases")
    chosen = sorted(set(subscription_ids))
    if not chosen:
        raise InvalidInput("Choose a line.", code="no_line_chosen")
    for subscription_id in chosen:
        set_limits(
            context=context,
            subscription_id=subscription_id,
            per_purchase=per_purchase,
            per_day=per_day,
            per_month=per_month,
            per_category=per_category,
            per_merchant=per_merchant,
            blocked=blocked,
            categories=categories,
        )
    return len(chosen)


@transaction.atomic
def block_merchant(
    *, context: AccountContext, subscription_id: int, code: str, blocked: bool = True
) -> None:
    """Let a merchant sell nothing (more) on the line, or let him again.

    Raises:
        NotFound: no such line of the party's, or no such merchant. Forbidden as `set_limits`.
    """
    line = _locked(context, subscription_id)
    if not Merchant.objects.filter(code=code).exists():
        raise NotFound("There is no such merchant.", code="unknown_merchant")
    row = CarrierLimits.objects.filter(subscription=line).first()
    known = set(row.merchants if row else ())
    _keep(context, line, merchants=sorted(known | {code} if blocked else known - {code}))


def _check_may_limit(context: AccountContext) -> None:
    """Of a firm not everybody decides what its lines may buy."""
    if context.role not in (Role.CUSTOMER, Role.AGENT, Role.SYSTEM, *DECIDERS):
        raise Forbidden("Others of the firm decide this.", code="may_not_limit_purchases")


def _locked(context: AccountContext, subscription_id: int) -> Subscription:
    """Locked as purchases lock it: none slips in between."""
    lines = Subscription.objects.select_for_update(no_key=True)
    found = lines.filter(pk=subscription_id, party_id=context.party_id or 0).first()
    if found is None:
        raise NotFound("There is no such line.", code="unknown_line")
    require_verified(context)
    return found


def _blocked_at_first(line: Subscription) -> bool:
    return line.party.segment == Segment.BUSINESS


def _keep(context: AccountContext, line: Subscription, **values: object) -> None:
    changed = {**values, "changed_at": business_now(), "changed_by": context.actor.name}
    CarrierLimits.objects.update_or_create(
        subscription=line,
        defaults=changed,
        create_defaults={"blocked": _blocked_at_first(line), **changed},
    )
    record(
        party_id=line.party_id,
        kind=EntryKind.SUBSCRIPTION,
        code="purchases_limited",
        context=context,
        values={"contract": line.order_number},
    )
