"""A bill as a page: sections, free months, tax per rate, and the promise beside it in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from commerce.accounts.context import AccountContext
from commerce.kernel.money import total
from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from commerce.payments.ports import MethodKind
from commerce.payments.selectors import PaymentView
from frontend.account.transfers import transfer_box
from frontend.account.words import number
from frontend.shop.words import euros, language, named, on_day
from frontend.typography import number_text
from subscriptions.collection.selectors import Announced
from subscriptions.collection.services.collecting import LEAST
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.instalments import BillPart, PartState, PlanView, PrintedPart
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.domain.views import (
    BillLineView,
    BillSection,
    BillSummary,
    BillView,
    CommitmentView,
    Identity,
    Section,
)
from subscriptions.invoicing.files import Form, invoice_file


def section_name(code: Section) -> str:
    return {
        Section.OWN_SERVICES: _("Plans and services"),
        Section.COMMUNICATIONS: _("Use beyond your plans"),
        Section.THIRD_PARTIES: _("Purchases from third parties"),
        Section.ONE_OFF: _("One-off amounts"),
    }[code]


def period_text(summary: BillSummary) -> str:
    """The days that a bill covers, or the order that it is for."""
    if summary.period is None:
        return _("Order %(number)s") % {"number": summary.order_number}
    return _("%(start)s to %(end)s") % {
        "start": on_day(summary.period.start),
        "end": on_day(summary.period.last_day),
    }


def download(context: AccountContext, number: str, *, form: Form) -> HttpResponse:
    """The bill as a file, in the language of the page that it was asked for on.

    Raises:
        NotFound: it is nobody's whom the caller acts for, or has no document.
    """
    found = invoice_file(context.party_id or 0, number, form=form, language=language())
    return HttpResponse(
        found.content,
        content_type=found.kind,
        headers={"Content-Disposition": f'attachment; filename="{found.name}"'},
    )


def bill_page(
    bill: BillView, *, payments: tuple[PaymentView, ...], debit: Announced | None = None
) -> dict[str, Any]:
    """The context of the bill's page; `debit`: what its payer was told of one that is to come."""
    summary = bill.summary
    if bill.payer:
        # With whose card or account is not its buyer's to see.
        payments, debit = (), None
    taken = (each for each in payments if each.amount == summary.gross and each.is_held)
    paid = next((each for each in taken if each.is_taken or summary.period is None), None)
    return {
        "number": summary.number,
        "day": summary.issued_on,
        "due": summary.due_on,
        "debited": debit is not None and not summary.paid,
        "period_text": period_text(summary),
        "seller": identity_lines(bill.seller),
        "buyer": identity_lines(bill.buyer),
        "corrects": [each.number for each in bill.corrects],
        "is_credit_note": summary.kind == InvoiceKind.CREDIT_NOTE,
        "has_document": bill.template is not None,
        "purchase_order": summary.purchase_order,
        "sections": [_section(section, order=summary.purchase_order) for section in bill.sections],
        "cost_centres": bill.cost_centres,
        "transfer": transfer_box(bill.transfer, amount=summary.open),
        "without_tax": summary.basis is Basis.HT,
        "net": summary.net,
        "taxes": [
            {
                "label": _tax_label(summary.basis) % {"rate": number_of_rate(part.rate)},
                "amount": part.tax,
                "net": part.net,
            }
            for part in bill.tax_parts
        ],
        "total": summary.gross,
        "promise": promise_in_words(bill),
        "as_promised": bill.as_promised,
        "takes_back": takes_back(summary),
        "commitments": [commitment_text(each) for each in bill.commitments],
        "mentions": _mentions(bill, business=summary.basis is Basis.HT),
        "payer": bill.payer,
        "paid_by": _card(paid) if paid is not None else "",
        "payment_note": payment_note(bill, payments, debit=debit),
        "can_pay": is_payable(bill, payments),
        "paid": summary.paid,
        "open": summary.open,
        "instalments": bill.instalments and instalments_box(bill.instalments),
        "can_pay_off": can_pay_off(bill, payments),
        "with_it": parts_rows(bill.with_it),
        "to_come": parts_rows(bill.to_come),
        "to_pay_in_all": total(
            (*(() if bill.payer else (summary.open,)), *(each.left for each in bill.with_it))
        ),
    }


PART_STATES: Mapping[PartState, Any] = {
    PartState.COMING: gettext_lazy("not due yet"),
    PartState.OPEN: gettext_lazy("due now"),
    PartState.OVERDUE: gettext_lazy("overdue since that day"),
    PartState.PAID: gettext_lazy("paid in full"),
    PartState.ENDED: gettext_lazy("nothing left of it"),
}


def part_label(part: BillPart | PrintedPart) -> str:
    return _("Part %(number)s of %(parts)s of the phone on bill %(bill)s") % {
        "number": part.number,
        "parts": part.parts,
        "bill": part.of,
    }


def parts_rows(parts: Iterable[BillPart]) -> list[dict[str, Any]]:
    """Parts of other bills beside a bill, each with its day and how it stands."""
    return [
        {
            "label": part_label(each),
            "note": _("on %(day)s, %(state)s")
            % {"day": on_day(each.due_on), "state": PART_STATES[each.state]},
            "amount": each.amount,
        }
        for each in parts
    ]


def instalments_box(plan: PlanView) -> dict[str, Any]:
    """How the phones on the bill of an order are paid in parts, and what is left."""
    return {
        "first": plan.first,
        "parts": plan.parts,
        "left": plan.left,
        "later": [
            {
                "number": each.part.number,
                "day": each.part.due_on,
                "amount": each.part.amount,
                "state": PART_STATES[each.state],
            }
            for each in plan.later
        ],
    }


def can_pay_off(bill: BillView, payments: tuple[PaymentView, ...]) -> bool:
    """Whether all that is left in parts can be paid now, and no payment is under way."""
    left = bill.instalments is not None and bool(bill.summary.deferred)
    return left and not any(map(is_under_way, payments))


def is_payable(bill: BillView, payments: tuple[PaymentView, ...]) -> bool:
    """A consumer's bill on which enough is open to be taken, and no payment under way."""
    enough = bill.collected and bill.summary.open >= LEAST
    return enough and not any(map(is_under_way, payments))


def payment_note(
    bill: BillView, payments: tuple[PaymentView, ...], *, debit: Announced | None = None
) -> str:
    """What became of the last try to have the bill paid, as long as something is open; else when it
    will be debited."""
    if not bill.summary.open:
        return ""
    if any(map(is_under_way, payments)):
        return _("Your payment is under way.")
    if debit is not None:
        return _debit_note(debit)
    last = payments[-1] if payments else None
    if last is not None and last.off_session and last.is_declined:
        return (
            _("The debit of your account ending in %(digits)s was refused (%(reason)s).")
            if last.method_kind is MethodKind.SEPA_DEBIT
            else _("Your card ending in %(digits)s was refused (%(reason)s).")
            if last.card_last4
            else _("Your card was refused (%(reason)s).")
        ) % {"digits": last.card_last4, "reason": declined_because(last.last_error)}
    return ""


def _debit_note(debit: Announced) -> str:
    """The mentions of a debit that is to come (SEPA Core rulebook)."""
    return _(
        "%(amount)s at most is debited on %(day)s from the account ending in %(digits)s: mandate"
        " %(mandate)s, creditor %(creditor)s."
    ) % {
        "amount": euros(debit.amount, short=False),
        "day": on_day(debit.debit_on),
        "digits": debit.last4,
        "mandate": debit.mandate_reference,
        "creditor": settings.SEPA_CREDITOR_ID,
    }


def declined_because(code: str) -> str:
    """The bank's reason, in words of ours."""
    reasons = {
        "insufficient_funds": _("not enough money on the account"),
        "expired_card": _("the card has expired"),
        "authentication_required": _("your bank wants you to confirm the payment yourself"),
        "card_removed": _("you have removed it"),
        "lost_card": _("the bank refuses this card"),
        "stolen_card": _("the bank refuses this card"),
        "account_closed": _("the account is closed"),
        "debit_not_authorized": _("you have revoked the mandate"),
    }
    return reasons.get(code, _("the bank gave no reason"))


def is_under_way(payment: PaymentView) -> bool:
    """Money is being taken, or a bank has still to say whether it pays."""
    asked = payment.is_open and payment.off_session
    return asked or payment.is_processing or payment.is_reserved


def standing(summary: BillSummary) -> str:
    """Whether a bill is paid, in a word or two; the list of bills has a column for it."""
    if summary.kind == InvoiceKind.CREDIT_NOTE:
        return _("credit")
    if not summary.gross:
        return _("nothing to pay")
    if not summary.open:
        return _("paid")
    if summary.paid:
        return _("%(amount)s open") % {"amount": euros(summary.open, short=False)}
    return _("due on %(day)s") % {"day": on_day(summary.due_on)}


def takes_back(summary: BillSummary) -> bool:
    """Whether it is the credit note of an order: its lines are the bill's turned round, and no
    promise speaks of them."""
    return summary.kind == InvoiceKind.CREDIT_NOTE and bool(summary.order_number)


def taken_back_text() -> str:
    return _("This credit note takes back what was billed; no promise speaks of it.")


def promise_in_words(bill: BillView) -> str:
    """What was promised against what is billed, as a sentence."""
    if takes_back(bill.summary):
        return taken_back_text()
    used = total(
        (s.total for s in bill.sections if s.code is Section.COMMUNICATIONS),
        currency=bill.promised.currency,
    )
    if bill.as_promised and used:
        return _(
            "Promised before you signed: %(promised)s. Billed: the same, line by line, and "
            "%(used)s for use beyond your plans, which nobody can promise."
        ) % {
            "promised": euros(bill.promised, short=False),
            "used": euros(used, short=False),
        }
    billed = total((s.total for s in bill.sections), currency=bill.promised.currency)
    if bill.as_promised:
        return _("Promised before you signed: %(promised)s. Billed: the same, line by line.") % {
            "promised": euros(bill.promised, short=False)
        }
    return _("Promised before you signed: %(promised)s. Billed: %(billed)s.") % {
        "promised": euros(bill.promised, short=False),
        "billed": euros(billed, short=False),
    }


def codes_in_words(codes: BuyerCodes, *, order: str) -> list[str]:
    """The buyer's cost centre, and his order's number where it is not `order`, the bill's."""
    said = []
    if codes.cost_centre:
        said.append(_("Cost centre %(code)s") % {"code": codes.cost_centre})
    if codes.purchase_order and codes.purchase_order != order:
        said.append(_("Your order %(code)s") % {"code": codes.purchase_order})
    return said


def _section(section: BillSection, *, order: str) -> dict[str, Any]:
    return {
        "name": section_name(section.code),
        "lines": [_line(line, order=order) for line in section.lines],
        "total": section.total,
    }


def _line(line: BillLineView, *, order: str) -> dict[str, Any]:
    notes = []
    if line.quantity > 1:
        notes.append(_("quantity %(count)s") % {"count": line.quantity})
    if line.days is not None and line.kind == LineKind.THIRD:
        notes.append(on_day(line.days.start))
    elif line.days is not None:
        notes.append(
            _("%(start)s to %(end)s")
            % {"start": on_day(line.days.start), "end": on_day(line.days.last_day)}
        )
    if line.kind == LineKind.PRORATED:
        notes.append(_("by the day"))
    if line.period and line.kind == LineKind.BENEFIT:
        notes = [_("month %(number)s") % {"number": line.period}]
    said = [", ".join(notes), *codes_in_words(line.codes, order=order)]
    return {
        "label": named(line.label),
        "note": " · ".join(filter(None, said)),
        "amount": line.amount,
        "advantage": line.kind == LineKind.BENEFIT,
        "differs": line.promised is not None and line.promised != line.amount,
        "promised": line.promised,
    }


def _tax_label(basis: Basis) -> str:
    return _("VAT at %(rate)s %%") if basis is Basis.HT else _("of which VAT at %(rate)s %%")


def number_of_rate(rate: Any) -> str:
    text = number_text(rate.normalize(), language=get_language())
    return text.replace("E+1", "0") if "E" in text else text


def rate_text(rate: Any) -> str:
    """`20 %`, `5,5 %`."""
    return _("%(rate)s %%") % {"rate": number_of_rate(rate)}


def commitment_text(each: CommitmentView) -> str:
    line = number(each.msisdn) or _("Contract %(id)s") % {"id": each.subscription_id}
    if each.ends_on is None or not each.months_left:
        return _("%(line)s: no commitment.") % {"line": line}
    return _("%(line)s: commitment until %(day)s.") % {"line": line, "day": on_day(each.ends_on)}


def _mentions(bill: BillView, *, business: bool) -> list[str]:
    said = {m.code: m.text for m in market(settings.MARKET).invoice_mentions(business=business)}
    return [
        said[code].get(language()) or next(iter(said[code].values()))
        for code in bill.mentions
        if code in said
    ]


def identity_lines(who: Identity | None) -> list[str]:
    """Name, address and numbers, as they stood on the day of issue; nothing if not kept."""
    if who is None:
        return []
    vat_id = _("VAT id %(number)s") % {"number": who.vat_number}
    return [
        line
        for line in (
            *(who.name, who.line1, who.line2, f"{who.postcode} {who.city}".strip()),
            who.registration,
            f"SIREN {who.company_number}" if who.company_number else "",
            f"SIRET {who.site_number}" if who.site_number else "",
            vat_id if who.vat_number else "",
        )
        if line
    ]


def _card(payment: PaymentView) -> str:
    if not payment.card_last4:
        return _("Paid.")
    return _("Paid by card ending in %(digits)s.") % {"digits": payment.card_last4}
