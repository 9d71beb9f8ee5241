"""`invent_consumption`: months of invented use on every running line, for demonstrations."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue.domain.usage import Dimension
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.periods import add_months
from subscriptions.domain.consumption import Report, month_of_day
from subscriptions.domain.rating import LineTerms, included_in
from subscriptions.models import Subscription
from subscriptions.usage.rates import terms_of
from subscriptions.usage.services.consumption import take_consumption

MONTHS = 3


class Command(BaseCommand):
    help = (
        "Invent what every running line used since it began, three full months and this one at "
        "most: all of its data, some calls and messages. Only where the clock is virtual."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.VIRTUAL_CLOCK:
            raise CommandError("Use is only invented where the clock is virtual.")
        rows = Subscription.objects.filter(status="active").exclude(msisdn="").order_by("pk")
        lines = list(rows.select_related("account"))
        terms = terms_of(lines)
        reports = [
            report
            for line in lines
            for month in _months(line)
            for report in _month(line, terms[line.pk], month)
        ]
        done = take_consumption(reports)
        self.stdout.write(
            f"{done.added} records were invented, {done.replaced + done.same} were there."
        )


def _months(line: Subscription) -> list[date]:
    this_month = month_of_day(business_today())
    months = (add_months(this_month, -back) for back in range(MONTHS, -1, -1))
    return [month for month in months if month >= month_of_day(line.activated_on)]


def _month(line: Subscription, terms: LineTerms, month: date) -> list[Report]:
    """Always the same of a line and a month."""
    at, seed = business_now(), line.pk + month.month
    data = included_in(terms, month=month).get(Dimension.DATA, Decimal(80))
    if month == month_of_day(business_today()):
        data = data * 3 / 4
    used = {
        Dimension.DATA: data,
        Dimension.CALLS: Decimal(60 + seed * 37 % 60),
        Dimension.MESSAGES: Decimal(40 + seed * 13 % 90),
    }
    return [Report(line.msisdn, month, each, amount, at) for each, amount in used.items()]
