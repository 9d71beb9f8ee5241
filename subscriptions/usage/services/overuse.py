"""What bills take up of use beyond plans, in arrears: what should be billed minus what was.

The months of an account's lines are rated when they are over; those of a contract that has ended at
once, as no other bill may come. A record that comes later has its month rated again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum

from catalogue.domain.usage import Dimension
from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.charges import DueLine
from subscriptions.domain.consumption import month_of_day
from subscriptions.domain.invoice import DraftLine
from subscriptions.domain.rating import (
    Billed,
    LineTerms,
    Owing,
    Stretch,
    month_days,
    owing,
    rated,
    stretches,
    without_days,
)
from subscriptions.domain.states import LineKind
from subscriptions.models import Consumption, Subscription, UsageBilled
from subscriptions.usage.rates import terms_of, used_in

NAMES: Mapping[Dimension, Mapping[str, str]] = {
    Dimension.CALLS: {"fr": "Appels au-delà du forfait", "en": "Calls beyond the plan"},
    Dimension.MESSAGES: {"fr": "Messages au-delà du forfait", "en": "Messages beyond the plan"},
    Dimension.DATA: {"fr": "Internet au-delà du forfait", "en": "Data beyond the plan"},
    Dimension.ABROAD: {"fr": "Internet en Europe", "en": "Data in Europe"},
}

_UNSETTLED = """
SELECT used.month, account.id, contract.id, used.id
  FROM unnest(%s::bigint[], %s::date[]) AS account (id, bill_on)
  JOIN subscriptions_subscription AS contract ON contract.account_id = account.id
  JOIN subscriptions_consumption AS used
    ON used.subscription_id = contract.id AND used.unsettled
   AND (used.month + interval '1 month' <= account.bill_on OR contract.ended_on <= account.bill_on)
 ORDER BY used.subscription_id, used.month, used.dimension
   FOR UPDATE OF used
"""


@dataclass(frozen=True, slots=True)
class Overuse:
    """What a bill takes up: lines, what they are made of, and the ids of the consumption that it
    settles by that."""

    lines: tuple[DraftLine, ...]
    owing: tuple[Owing, ...]
    settles: tuple[int, ...]


def due(until: Mapping[int, date]) -> Mapping[int, Overuse]:
    """What the next bill of each account takes up of the days before `until`, by account; one
    statement if there is nothing.

    What is read stays locked, and that alone is settled: a record which comes meanwhile, also one
    of another line or of something else, is left to the bill after. The accounts are locked by the
    caller.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNSETTLED, [list(until), list(until.values())])
        unsettled = sorted(cursor.fetchall())
    if not unsettled:
        return {}
    contracts: dict[int, list[Subscription]] = defaultdict(list)
    rows = Subscription.objects.filter(account__in={account for _, account, *_ in unsettled})
    for contract in rows.select_related("account").order_by("pk"):
        contracts[contract.account_id].append(contract)
    terms = terms_of([contract for own in contracts.values() for contract in own])
    found: dict[int, list[Overuse]] = defaultdict(list)
    for month, asked in groupby(unsettled, key=lambda row: row[0]):
        read: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for _, account, *row in asked:
            read[account].append((row[0], row[1]))
        of_month = _Month(month, {account: contracts[account] for account in read}, terms)
        for account, rows_read in read.items():
            found[account].append(of_month.overuse(account, bill_on=until[account], read=rows_read))
    return {account: _together(parts) for account, parts in found.items()}


class _Month:
    """A month of the lines of some accounts, with what was used and billed of it so far."""

    def __init__(
        self,
        month: date,
        contracts: Mapping[int, Sequence[Subscription]],
        terms: Mapping[int, LineTerms],
    ) -> None:
        self.contracts = contracts
        self._month = month
        self._stretches = {
            account: [
                part
                for line in (terms[contract.pk] for contract in own)
                for part in (*stretches(line, month=month), *without_days(line, month=month))
            ]
            for account, own in contracts.items()
        }
        every = [part for own in self._stretches.values() for part in own]
        self._used = used_in(every)
        self._billed = _billed(every, month=month)

    def overuse(self, account: int, *, bill_on: date, read: Sequence[tuple[int, int]]) -> Overuse:
        """Of lines whose month is over, or that have ended; of a pool when all its lines are so.

        `read`: contract and id of the consumption that is not settled yet.
        """
        known = {contract.pk: contract for contract in self.contracts[account]}
        over = month_days(self._month).end <= bill_on
        ready = {pk for pk, contract in known.items() if over or _has_ended(contract, bill_on)}
        currency = next(iter(known.values())).account.currency
        rates = rated(
            self._stretches[account], month=self._month, used=self._used, currency=currency
        )
        open_ones = [each for each in rates if not ready.issuperset(each.members)]
        made = owing((each for each in rates if each not in open_ones), billed=self._billed)
        waiting = {pk for each in open_ones for pk in each.members}
        return Overuse(
            tuple(_line(each, known[each.rated.contract], on=bill_on) for each in made),
            made,
            tuple(pk for contract, pk in read if contract in ready - waiting),
        )


def _has_ended(contract: Subscription, on: date) -> bool:
    return contract.ended_on is not None and contract.ended_on <= on


def _together(parts: Sequence[Overuse]) -> Overuse:
    return Overuse(
        tuple(line for each in parts for line in each.lines),
        tuple(one for each in parts for one in each.owing),
        tuple(one for each in parts for one in each.settles),
    )


def _billed(parts: Iterable[Stretch], *, month: date) -> Mapping[tuple[int, str, date], Billed]:
    rows = UsageBilled.objects.filter(item__in=[each.item for each in parts], month=month)
    sums = rows.values_list("item", "charge", "item__subscription__account__currency").annotate(
        Sum("units"), Sum("amount"), Count("pk")
    )
    return {
        (item, charge, month): Billed(units, Money(amount, currency), revisions)
        for item, charge, currency, units, amount, revisions in sums.order_by("item", "charge")
    }


def _line(owed: Owing, contract: Subscription, *, on: date) -> DraftLine:
    """A line of the contract that the over-use began with; `period` counts months of use."""
    of = owed.rated
    begun = contract.activated_on
    number = market(settings.MARKET).display_number(contract.msisdn) or contract.msisdn
    return DraftLine(
        kind=LineKind.USAGE,
        order_number=contract.order_number,
        group=contract.group,
        due=DueLine(
            item=of.line,
            charge=of.charge,
            period=(of.month.year - begun.year) * 12 + of.month.month - begun.month + 1,
            benefit=None,
            amount=owed.amount,
            tax_class=of.tax_class,
        ),
        days=month_days(of.month),
        label={language: f"{text}, {number}" for language, text in NAMES[of.dimension].items()},
        quantity=max(abs(owed.units), 1),
        tax_rate=market(settings.MARKET).tax_rates(on)[of.tax_class],
        codes=BuyerCodes(contract.cost_centre, contract.purchase_order),
    )


def keep(bills: Iterable[tuple[int, Overuse]]) -> None:
    """Note what the bills of these ids hold of use, and that it is settled.

    Raises:
        IntegrityError: another bill holds the same already.
    """
    UsageBilled.objects.bulk_create(
        UsageBilled(
            item_id=one.rated.item,
            charge=one.rated.charge,
            month=one.rated.month,
            revision=one.revision,
            units=one.units,
            amount=one.amount.amount,
            invoice_id=invoice,
        )
        for invoice, overuse in bills
        for one in overuse.owing
    )


def settle(found: Iterable[Overuse]) -> None:
    """What was rated has not to be looked at again until another record comes."""
    rated_now = [pk for overuse in found for pk in overuse.settles]
    if rated_now:
        Consumption.objects.filter(pk__in=rated_now).update(unsettled=False)


def rate_again(contract: Subscription, *, since: date) -> None:
    """The next bill looks again at the month of that day and later ones, of all lines of the
    account: they may share what the contract includes, and it may have used nothing itself."""
    Consumption.objects.filter(
        subscription__account=contract.account_id,
        month__gte=month_of_day(since),
        from_records=True,
    ).update(unsettled=True)


def take_back(invoice_ids: Sequence[int]) -> None:
    """The bills are thrown away: what they held of use is open again, of all lines of the account,
    as who carries a pool's line of the bill may have used nothing of it."""
    rows = UsageBilled.objects.filter(invoice__in=invoice_ids)
    for account, month in set(rows.values_list("invoice__account", "month")):
        Consumption.objects.filter(
            subscription__account=account, month=month, from_records=True
        ).update(unsettled=True)
    rows.delete()
