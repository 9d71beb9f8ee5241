"""Our bank account for operators: files are taken in, and money that names nobody is given away."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError, InvalidInput
from commerce.web.policy import Policy, policy
from frontend.ops import screen
from frontend.sentences import sentence_of
from subscriptions.bank import selectors as movements
from subscriptions.bank.camt053 import MOST_BYTES
from subscriptions.bank.selectors import EntryView
from subscriptions.bank.services import bank
from subscriptions.bank.services.bank_file import TakenIn, take_in
from subscriptions.domain.bank import Hint, Waiting
from subscriptions.domain.states import EntryState

HERE = "ops:bank"
WAITING_SHOWN, OTHERS_SHOWN, STATEMENTS_SHOWN = 100, 50, 10
LONGEST = 500
REASONS = {
    Waiting.NO_REFERENCE: gettext_lazy("names no bill"),
    Waiting.UNKNOWN_BILL: gettext_lazy("names a bill that does not exist"),
    Waiting.PAID_ALREADY: gettext_lazy("its bill is paid already"),
    Waiting.SEVERAL_CUSTOMERS: gettext_lazy("bills of several customers, and another sum"),
    Waiting.OTHER_PAYER: gettext_lazy("another customer pays from this bank account"),
    Waiting.GOES_OUT: gettext_lazy("left our account"),
    Waiting.RETURN_OF_WHAT: gettext_lazy("returned, and it is not known what"),
}
TAKEN_BACK = gettext_lazy("was taken back from whom it was given")
HINTS = {
    Hint.NAMED: gettext_lazy("named in the transfer"),
    Hint.MISTYPED: gettext_lazy("a typing error away from what is named"),
    Hint.PAID_BEFORE: gettext_lazy("paid from this bank account before"),
    Hint.ALL_OPEN: gettext_lazy("all open bills together are this sum"),
    Hint.SAME_AMOUNT: gettext_lazy("the same sum is open"),
    Hint.SAME_NAME: gettext_lazy("the same name"),
}
STATES = {
    EntryState.WAITING: ("waiting", gettext_lazy("waits")),
    EntryState.BOOKED: ("done", gettext_lazy("booked")),
    EntryState.ASIDE: ("pending", gettext_lazy("set aside")),
}


@policy(Policy.OPERATOR)
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """What waits, the last movements and statements; POST takes a file in, or says what it would
    bring."""
    context = context_for_request(request)
    said: dict[str, Any] = {}
    if request.method == "POST":
        try:
            done = _taken(request, context)
            if request.POST.get("do") == "take":
                messages.success(request, _sentence(done))
                return redirect(HERE)
            said = {"foreseen": _sentence(done)}
        except FaisceauError as error:
            said = {"refusal": sentence_of(error), "detail": error.message}
    counts = movements.how_many()
    values = screen.around(context, here=HERE) | {
        "waiting": [_row(each) for each in movements.entries(
            state=EntryState.WAITING, limit=WAITING_SHOWN
        )],
        "waiting_count": counts[EntryState.WAITING],
        "others": [
            _row(each)
            for state in (EntryState.BOOKED, EntryState.ASIDE)
            for each in movements.entries(state=state, limit=OTHERS_SHOWN)
        ],
        "statements": movements.statements(limit=STATEMENTS_SHOWN),
        "iban": movements.our_iban(),
        **said,
    }  # fmt: skip
    return render(
        request, "frontend/ops/bank.html", values, status=422 if "refusal" in said else 200
    )


@policy(Policy.OPERATOR)
@never_cache
def movement(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One movement: what it says, whose it is or may be; POST decides about it."""
    context = context_for_request(request)
    if request.method == "POST":
        try:
            _decide(request, context, entry_id)
            messages.success(request, _("It is noted whose this money is."))
        except FaisceauError as error:
            messages.error(request, sentence_of(error))
        return redirect("ops:bank_movement", entry_id=entry_id)
    found = movements.entry(entry_id)
    values = screen.around(context, here=HERE) | {
        **_row(found),
        "suggestions": [
            {"of": each, "hints": [HINTS[hint] for hint in each.hints]}
            for each in movements.suggestions(entry_id)
        ],
        "shares": movements.shares(entry_id),
        "waits": found.state is EntryState.WAITING,
        "aside": found.state is EntryState.ASIDE,
        "whole": found.left.amount == abs(found.amount.amount),
    }
    return render(request, "frontend/ops/bank_movement.html", values)


@policy(Policy.OPERATOR)
@require_POST
def undo(request: HttpRequest, share_id: int) -> HttpResponse:
    """Take back what was given to a customer."""
    try:
        entry_id = bank.undo(
            context_for_request(request), share_id=share_id, note=request.POST.get("note", "")
        )
        messages.success(request, _("It was taken back; the money waits."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        entry_id = movements.entry_of(share_id)
    return redirect("ops:bank_movement", entry_id=entry_id)


def _taken(request: HttpRequest, context: AccountContext) -> TakenIn:
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list):
        raise InvalidInput("Choose a file.", code="file_missing", field="file")
    return take_in(
        sent.read(MOST_BYTES + 1),
        file=str(sent.name or "")[:80],
        by=context.actor.name,
        dry_run=request.POST.get("do") != "take",
    )


def _decide(request: HttpRequest, context: AccountContext, entry_id: int) -> None:
    form = request.POST
    note, account = form.get("note", "")[:LONGEST], form.get("account", "").strip()
    match form.get("do"):
        case "aside":
            bank.set_aside(context, entry_id=entry_id, note=note)
        case "take_up":
            bank.take_up(context, entry_id=entry_id)
        case _:
            bank.assign(
                context,
                entry_id=entry_id,
                numbers=form.get("numbers", "").replace(",", " ").upper().split()[:50],
                account_id=int(account) if account.isdecimal() and len(account) < 18 else None,
                with_rest=form.get("rest", "") == "on",
            )


def _sentence(done: TakenIn) -> str:
    return _(
        "%(statements)d statements and %(new)d movements are new: %(booked)d booked, %(waiting)d "
        "wait. %(known)d movements were known."
    ) % {
        "statements": done.statements, "new": done.new, "booked": done.booked,
        "waiting": done.waiting, "known": done.known,
    }  # fmt: skip


def _row(each: EntryView) -> dict[str, Any]:
    reason = REASONS[Waiting(each.reason)] if each.reason else TAKEN_BACK
    return {
        "entry": each,
        "reason": reason if each.state is EntryState.WAITING else "",
        "pill": STATES[each.state],
    }
