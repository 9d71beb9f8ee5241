"""The contract summary under the headings of Regulation (EU) 2019/2243, from what is agreed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Snapshot
from commerce.kernel.periods import add_months
from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from commerce.ordering.domain.facts import INSTEAD
from commerce.ordering.domain.instalments import Choice
from commerce.ordering.domain.quote import GivenBack, Quote, QuoteLine, Tariff
from commerce.ordering.number_shop import tariff_of
from frontend.shop.in_parts import in_parts_text
from frontend.shop.panel import line_name
from frontend.shop.words import (
    charge_name,
    euros,
    full_name,
    label_of,
    months,
    named,
    on_day,
    said,
    schedule_text,
    value_text,
)
from frontend.typography import NBSP
from frontend.typography import number_text as number_words
from subscriptions.domain.charges import net_in_period

Section = dict[str, Any]
Configs = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What one contract of an order says: the lines of one bundle; `on` is the day on which it was
    ordered, None before that; `in_parts`: how its phones are paid, None: at once."""

    quote: Quote
    lines: tuple[QuoteLine, ...]
    configs: Configs
    on: date | None = None
    in_parts: Choice | None = None

    @property
    def term(self) -> int:
        return max((line.term for line in self.lines), default=0)

    @property
    def stays(self) -> bool:
        """Whether it changes a running contract within its commitment."""
        return any(self.configs.get(line.id, {}).get(INSTEAD) for line in self.lines)

    @property
    def has_plan(self) -> bool:
        """Whether it is about a line with an internet service; a special number has none."""
        return any(line.role == "plan" for line in self.lines)


def contracts_of(
    quote: Quote, *, configs: Configs, on: date | None = None, in_parts: Choice | None = None
) -> list[Agreed]:
    """One contract per bundle in which something runs on: a plan, a number, a service; goods alone
    are a sale without duration."""
    groups: dict[str, list[QuoteLine]] = {}
    for line in quote.lines:
        groups.setdefault(line.group, []).append(line)
    return [
        Agreed(quote, tuple(lines), configs, on, in_parts)
        for lines in groups.values()
        if any(line.role == "plan" or line.phases for line in lines)
    ]


def sections_of(agreed: Agreed, *, catalogue: Snapshot) -> list[Section]:
    """The six headings of the template, in its order; that of speeds where there is internet."""
    speeds = {
        "title": _("Speeds of the internet service and remedies in case of problems"),
        "pairs": _speeds(agreed, catalogue=catalogue),
        "texts": [
            _(
                "If speeds differ significantly, permanently or often from these, you may end "
                "the contract without cost (L224-34 of the consumer code)."
            )
        ],
    }
    return [
        {"title": _("Services and equipment"), "pairs": _services(agreed, catalogue=catalogue)},
        *([speeds] if agreed.has_plan else []),
        {
            "title": _("Price"),
            "pairs": _prices(agreed, catalogue=catalogue),
            "texts": [*_totals(agreed), *_asked_later(agreed, catalogue=catalogue)],
        },
        {"title": _("Duration, renewal and termination"), "texts": _duration(agreed)},
        {
            "title": _("Features for users with disabilities"),
            "texts": [
                _(
                    "These pages can be used with a keyboard and a screen reader; bills come as "
                    "text. Emergency calls to 114 by text message are free of charge."
                )
            ],
        },
        {
            "title": _("Other relevant information"),
            "texts": [
                *_others(agreed),
                *(
                    named(duty.text)
                    for _line, offering in _lines(agreed, catalogue)
                    for tariff in [tariff_of(offering, on=agreed.on)]
                    if tariff is not None
                    for duty in tariff.duties
                ),
            ],
        },
    ]


def _others(agreed: Agreed) -> list[str]:
    """Consumers can withdraw (L221-18); a firm's prices are without tax."""
    if agreed.quote.basis is Basis.HT:
        return [
            _(
                "Each bill is compared with the amounts of this summary before it is sent. "
                "Prices are without VAT."
            )
        ]
    return [
        _(
            "Each bill is compared with the amounts of this summary before it is sent. "
            "Prices include VAT."
        ),
        _(
            "You can withdraw for 14 days without a reason, in the footer of every page: "
            "“Withdraw from the contract here”."
        ),
    ]


def _lines(agreed: Agreed, catalogue: Snapshot) -> list[tuple[QuoteLine, Offering]]:
    return [(line, catalogue.offering(line.offering)) for line in agreed.lines]


def _services(agreed: Agreed, *, catalogue: Snapshot) -> list[tuple[str, str]]:
    pairs = []
    for line, offering in _lines(agreed, catalogue):
        if offering.kind is Kind.PLAN:
            pairs.append((_("Plan"), full_name(offering)))
            pairs += _characteristics(
                offering, ("data_gb", "europe_gb", "calls", "messages", "network"), catalogue
            )
            pairs.append((_("Number"), number_text(agreed.configs.get(line.id, {}))))
        elif tariff_of(offering, on=agreed.on) is not None:
            pairs += _special_number(line, offering, agreed=agreed, catalogue=catalogue)
        else:
            pairs.append((kind_name(offering.kind), line_name(line, catalogue=catalogue)))
    return pairs


def _special_number(
    line: QuoteLine, offering: Offering, *, agreed: Agreed, catalogue: Snapshot
) -> list[tuple[str, str]]:
    """The number with the words of its price sign, where its calls go and what it serves."""
    config, tariff = agreed.configs.get(line.id, {}), tariff_of(offering, on=agreed.on)
    return [
        (_("Special number"), full_name(offering)),
        (_("Number"), number_text(config)),
        (_("What callers pay"), named(tariff.sign) if tariff is not None else ""),
        (_("Calls are led to"), display_number(config.get("route_to", ""))),
        (_("What the number serves"), value_text(catalogue, "uses", config.get("purpose", ""))),
    ]


def display_number(number: str) -> str:
    """As people of the country write it."""
    return market(settings.MARKET).display_number(number).replace(" ", NBSP) if number else ""


def number_text(config: Mapping[str, str]) -> str:
    """Which number the line gets, in words."""
    number = display_number(config.get("msisdn", ""))
    if config.get("number_choice") == "port":
        until = _("; a temporary number until then") if config.get("temporary") else ""
        if config.get("port_on"):
            kept = _("you keep %(number)s, wished for %(day)s") % {
                "number": number,
                "day": on_day(date.fromisoformat(config["port_on"])),
            }
            return f"{kept}{until}"
        return _("you keep %(number)s") % {"number": number} + until
    if config.get(INSTEAD) or config.get("number_choice") == "keep":
        return _("your present number")
    return _("new: %(number)s") % {"number": number} if number else _("new, given at the order")


def kind_name(kind: Kind) -> str:
    return {
        Kind.HANDSET: _("Phone"),
        Kind.PLAN: _("Plan"),
        Kind.ACCESSORY: _("Accessory"),
        Kind.OPTION: _("Option"),
        Kind.CONTENT: _("Service"),
        Kind.SIM: _("SIM"),
        Kind.FEE: _("Fee"),
        Kind.NUMBER: _("Number"),
    }.get(kind, str(kind))


def _speeds(agreed: Agreed, *, catalogue: Snapshot) -> list[tuple[str, str]]:
    for _line, offering in _lines(agreed, catalogue):
        if offering.kind is Kind.PLAN:
            return _characteristics(offering, ("download_mbps", "upload_mbps"), catalogue)
    return []


def _characteristics(
    offering: Offering, names: Sequence[str], catalogue: Snapshot
) -> list[tuple[str, str]]:
    facts = offering.characteristics
    return [
        (label_of(catalogue, name), value_text(catalogue, name, facts[name]))
        for name in names
        if name in facts
    ]


def _prices(agreed: Agreed, *, catalogue: Snapshot) -> list[tuple[str, str]]:
    pairs = []
    for line in agreed.lines:
        name = line_name(line, catalogue=catalogue)
        for charge in line.charges:
            if not charge.recurring and (charge.amount or charge.code == "price"):
                amount = euros(net_in_period(charge, period=0), short=False)
                pairs.append(
                    (
                        f"{name}, {charge_name(charge.code)}",
                        _("%(amount)s once") % {"amount": amount},
                    )
                )
        if line.phases:
            pairs.append((f"{name}, {charge_name('monthly')}", line_schedule(line, agreed.quote)))
        pairs += [(f"{name}, {tariff.unit}", tariff_text(tariff)) for tariff in line.tariffs]
    return pairs


def tariff_text(tariff: Tariff) -> str:
    """What usage costs, and what is included."""
    values = {"amount": euros(tariff.amount, short=False), "unit": tariff.unit}
    if not tariff.included:
        return _("%(amount)s per %(unit)s") % values
    included = number_words(tariff.included, language=get_language())
    return _("%(included)s %(unit)s a month included, then %(amount)s per %(unit)s") % {
        **values,
        "included": included,
    }


def line_schedule(line: QuoteLine, quote: Quote) -> str:
    """The months of one line in words."""
    phases = line.phases
    if len(phases) == 1:
        return _("%(amount)s per month") % {"amount": euros(phases[0].amount, short=False)}
    parts = [
        _("%(amount)s for %(months)s")
        % {"amount": euros(phase.amount, short=False), "months": months(phase.periods or 0)}
        for phase in phases[:-1]
    ]
    parts.append(_("then %(amount)s per month") % {"amount": euros(phases[-1].amount, short=False)})
    return ", ".join(parts)


def _asked_later(agreed: Agreed, *, catalogue: Snapshot) -> list[str]:
    """What is free at first, and costs only who says yes to it then."""
    kinds = market(settings.MARKET).free_then_paid_rules().kinds
    return [
        _(
            "Before the free months of %(name)s are over we ask you whether it is to go on at its "
            "price. Without your express yes it ends, and costs nothing."
        )
        % {"name": line_name(line, catalogue=catalogue)}
        for line in agreed.lines
        if agreed.quote.basis is Basis.TTC
        and catalogue.offering(line.offering).kind in kinds
        and len(line.phases) > 1
        and not line.phases[0].amount
    ]


def _totals(agreed: Agreed) -> list[str]:
    quote, in_parts = agreed.quote, agreed.in_parts
    on_invoice = quote.basis is Basis.HT
    today = quote.due_today_gross if on_invoice or in_parts is None else in_parts.due_now
    once = {
        "amount": euros(today, short=False),
        "net": euros(quote.due_today, short=False),
    }
    if on_invoice:
        texts = [
            _("Billed once for the whole order: %(net)s, with VAT %(amount)s.") % once,
        ]
    else:
        texts = [_("Due today for the whole order: %(amount)s.") % once]
    if in_parts is not None:
        texts.append(in_parts_text(in_parts, on_invoice=on_invoice))
    if quote.monthly:
        texts.append(_("Every month: %(schedule)s.") % {"schedule": schedule_text(quote)})
    texts.append(
        _("Total over %(months)s: %(amount)s.")
        % {
            "months": months(quote.months_shown),
            "amount": euros(quote.commitment_total, short=False),
        }
    )
    texts += [
        _("%(name)s saves %(amount)s.")
        % {
            "name": said(applied.name),
            "amount": euros(applied.saving_over_commitment, short=False),
        }
        for applied in quote.applied
    ]
    if agreed.has_plan:
        texts.append(
            _("Calls to special numbers and beyond the plan are billed at the price list.")
        )
    return texts


def _duration(agreed: Agreed) -> list[str]:
    if agreed.stays:
        return _stays(agreed)
    if not agreed.term:
        return [
            _("No commitment: you may end it at any time, at no cost, with 10 days' notice."),
        ]
    end = add_months(agreed.quote.activation, agreed.term)
    return [
        _("%(months)s from activation, so until %(day)s if the line starts on %(start)s.")
        % {
            "months": months(agreed.term),
            "day": on_day(end),
            "start": on_day(agreed.quote.activation),
        },
        _("Afterwards it goes on without commitment, until you end it with 10 days' notice."),
        _leaving_early(agreed),
        *leaving_words(agreed.quote.given_back(group=agreed.lines[0].group)),
    ]


def _stays(agreed: Agreed) -> list[str]:
    """The commitment that a changed contract keeps; one that is over leaves it free."""
    kept = (agreed.configs.get(line.id, {}).get("bound_until", "") for line in agreed.lines)
    until = next((date.fromisoformat(day) for day in kept if day), None)
    if until is None or until <= agreed.quote.activation:
        return [
            _("No commitment: you may end it at any time, at no cost, with 10 days' notice."),
        ]
    return [
        _("Your commitment stays what it is: until %(day)s. No new one begins.")
        % {"day": on_day(until)},
        _("Afterwards it goes on without commitment, until you end it with 10 days' notice."),
        _leaving_early(agreed),
    ]


def leaving_words(given_back: Sequence[GivenBack]) -> list[str]:
    """What is paid back of the advantages by who leaves early; nothing where nothing is."""
    if not given_back:
        return []
    first, last = given_back[0], given_back[-1]
    if first.amount == last.amount:
        return [
            _("You also pay back %(amount)s of advantages that come with the commitment.")
            % {"amount": euros(last.amount, short=False)}
        ]
    return [
        _(
            "You also pay back the advantages that come with the commitment: %(least)s in month "
            "%(first)s, %(most)s from month %(last)s on."
        )
        % {
            "least": euros(first.amount, short=False),
            "first": first.first,
            "most": euros(last.amount, short=False),
            "last": last.first,
        }
    ]


def _leaving_early(agreed: Agreed) -> str:
    """In words, what `early_termination_fee` computes (L224-28)."""
    if agreed.term <= 12:
        return _("If you end it before: the months that are left (L224-28 of the consumer code).")
    if any(line.role == "handset" for line in agreed.lines):
        return _(
            "If you end it before: the months left until the 12th in full, and a fifth of those "
            "after it (L224-28 of the consumer code)."
        )
    return _(
        "If you end it before: the months left until the 12th; after it, nothing "
        "(L224-28 of the consumer code)."
    )
