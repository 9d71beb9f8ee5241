"""One party pays another's bills: asked for by the one, accepted or refused by the other, ended by
either; both are told."""

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, Role, Segment
from commerce.accounts.selectors import party
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound
from commerce.kernel.links import new_token, token_digest
from commerce.notifications.services import send
from subscriptions.accounts.services.accounts import opened_account
from subscriptions.domain.payers import Account, check_agreement, next_bill_day
from subscriptions.domain.states import AgreementState, Side
from subscriptions.events import PayerMoved
from subscriptions.models import BillingAccount, PayerAgreement

CODE_LIFE = timedelta(days=14)
_PATHS = {Segment.CONSUMER: "/account/payables/", Segment.BUSINESS: "/portal/payables/"}
_MAY_NOT = frozenset({Role.BUYER, Role.APPROVER, Role.VIEWER})


@transaction.atomic
def ask(context: AccountContext, *, side: Side) -> str:
    """The code with which another party agrees: to have its bills paid by this one (`side` is
    `payer`), or to pay this one's (`paid`). It is told once, and only its digest is kept.

    Raises:
        Forbidden: `may_not_say_who_pays`: in a firm, all but administrators;
            `caller_not_verified`, of an agent.
    """
    _allowed(context)
    account_id, code, now = _own(context), new_token(), business_now()
    pays = side is Side.PAYER
    PayerAgreement.objects.create(
        account_id=None if pays else account_id,
        payer_id=account_id if pays else None,
        state=AgreementState.ASKED,
        digest=token_digest(code),
        expires_at=now + CODE_LIFE,
        asked_by=context.actor.name[:120],
        asked_at=now,
    )
    _note(context, context.party_id or 0, "payer_asked", side=side.value)
    return code


@transaction.atomic
def accept(context: AccountContext, *, code: str) -> int:
    """Agree to what the code is for; the agreement's id. It holds from the bill day of the account
    whose bills are paid that comes after today.

    Raises:
        As `ask`; NotFound: `unknown_payer_code`: also of one that was used or is too old.
        RuleViolated: as `domain.payers.check_agreement`.
    """
    _allowed(context)
    found, own = _asked_with(code), _own(context)
    if found.payer_id is None:
        found.payer_id = own
    else:
        found.account_id = own
    _agree(context, found)
    return found.pk


@transaction.atomic
def refuse(context: AccountContext, *, code: str) -> None:
    """Say no to what the code is for: nobody can accept it any more. Who asked is told so, and not
    by whom.

    Raises:
        As `ask`; NotFound: `unknown_payer_code`.
    """
    _allowed(context)
    found = _asked_with(code)
    found.state = AgreementState.WITHDRAWN
    found.ended_by, found.ended_at = context.actor.name[:120], business_now()
    found.save()
    side = Side.PAID if found.payer is None else Side.PAYER
    asker = found.account or found.payer
    assert asker is not None
    _write(found, asker, code="payer_refused", side=side)


def _asked_with(code: str) -> PayerAgreement:
    """Locked. Raises NotFound `unknown_payer_code`."""
    asked = PayerAgreement.objects.select_for_update(of=("self",), no_key=True).filter(
        digest=token_digest(code), state=AgreementState.ASKED, expires_at__gt=business_now()
    )
    found = asked.select_related("account", "payer").first()
    if found is None:
        raise NotFound("This code is not valid (any more).", code="unknown_payer_code")
    return found


@transaction.atomic
def set_payer(context: AccountContext, *, party_id: int, payer_party_id: int, reason: str) -> int:
    """Have one party pay another's bills from its next bill day on, as an operator who has it in
    writing; the agreement's id.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `payer_reason_missing`.
        NotFound: there is no such party.
        RuleViolated: as `domain.payers.check_agreement`.
    """
    if context.role != Role.OPERATOR:
        raise Forbidden("Operators say who pays whose bills.", code="operators_only")
    if not reason.strip():
        raise InvalidInput("Say why.", code="payer_reason_missing", field="reason")
    agreement = PayerAgreement(
        account_id=_account_of(party_id),
        payer_id=_account_of(payer_party_id),
        asked_by=context.actor.name[:120],
        asked_at=business_now(),
        reason=reason.strip()[:200],
    )
    _agree(context, agreement)
    return agreement.pk


@transaction.atomic
def end(context: AccountContext, *, agreement_id: int, reason: str = "") -> None:
    """Either side ends it: bills issued from the next bill day on are paid by whom they are made
    out to. What is asked for and not accepted is taken back. May be repeated.

    Raises:
        As `ask`; NotFound: `unknown_payer_agreement`, also for others'.
    """
    _allowed(context)
    rows = PayerAgreement.objects.exclude(state=AgreementState.WITHDRAWN)
    if context.role != Role.OPERATOR:
        rows = rows.filter(Q(account__party=context.party_id) | Q(payer__party=context.party_id))
    found = rows.select_for_update(of=("self",), no_key=True).filter(pk=agreement_id).first()
    if found is None:
        raise NotFound("There is no such agreement.", code="unknown_payer_agreement")
    if found.until_on is not None:
        return
    found.ended_by, found.ended_at = context.actor.name[:120], business_now()
    found.reason = reason.strip()[:200] or found.reason
    if found.state == AgreementState.ASKED:
        found.state = AgreementState.WITHDRAWN
        found.save()
        _note(context, context.party_id or 0, "payer_withdrawn")
        return
    assert found.account is not None
    assert found.from_on is not None
    found.until_on = max(found.from_on, _next_bill_day(found.account))
    found.save()
    _tell(context, found, state="ended", code="payer_ended")


def _agree(context: AccountContext, agreement: PayerAgreement) -> None:
    sides = {agreement.account_id or 0, agreement.payer_id or 0}
    rows = BillingAccount.objects.select_for_update(no_key=True).filter(pk__in=sides)
    locked = {row.pk: row for row in rows.order_by("pk")}
    paid, payer = locked[agreement.account_id or 0], locked[agreement.payer_id or 0]
    begins = _next_bill_day(paid)
    check_agreement(paid=_standing(paid, on=begins), payer=_standing(payer, on=begins))
    agreement.account, agreement.payer = paid, payer
    agreement.state, agreement.digest = AgreementState.AGREED, ""
    agreement.from_on = begins
    agreement.agreed_by, agreement.agreed_at = context.actor.name[:120], business_now()
    agreement.save()
    _tell(context, agreement, state="agreed", code="payer_agreed")


def _standing(account: BillingAccount, *, on: date) -> Account:
    """From that day on; what ends by then stands in nobody's way."""
    goes_on = Q(until_on__isnull=True) | Q(until_on__gt=on)
    return Account(
        account_id=account.pk,
        segment=account.segment,
        currency=account.currency,
        pays_for=account.pays_for.filter(goes_on, state=AgreementState.AGREED).count(),
        is_paid=account.paid_by.filter(goes_on, state=AgreementState.AGREED).exists(),
    )


def _next_bill_day(account: BillingAccount) -> date:
    cycle = account.cycle if account.cycle_day is not None else None
    return next_bill_day(business_today(), cycle_day=cycle)


def _tell(context: AccountContext, agreement: PayerAgreement, *, state: str, code: str) -> None:
    """Both sides, each of its own."""
    assert agreement.account is not None
    assert agreement.payer is not None
    assert agreement.from_on is not None
    for side, own, other in (
        (Side.PAID, agreement.account, agreement.payer),
        (Side.PAYER, agreement.payer, agreement.account),
    ):
        day = agreement.until_on or agreement.from_on
        _note(
            context,
            own.party_id,
            code,
            side=side.value,
            other=other.party.display_name,
            on=day.isoformat(),
            note=agreement.reason,
        )
        _write(agreement, own, code=code, side=side, other=other.party.display_name, day=day)
        publish(
            PayerMoved(
                agreement_id=agreement.pk,
                account_id=own.pk,
                party_id=own.party_id,
                side=side.value,
                state=state,
                from_on=agreement.from_on,
                until_on=agreement.until_on,
            )
        )


def _write(
    agreement: PayerAgreement, whom: BillingAccount, *, code: str, side: Side, **values: Any
) -> None:
    """To one of the sides, or who would be one."""
    send(
        code=code,
        party_id=whom.party_id,
        values={"side": side.value, "path": _PATHS[Segment(whom.segment)], **values},
        reference=f"{code}/{agreement.pk}/{side}",
    )


def _note(context: AccountContext, party_id: int, code: str, **values: str) -> None:
    record(party_id=party_id, kind=EntryKind.BILL, code=code, context=context, values=values)


def _allowed(context: AccountContext) -> None:
    if context.role in _MAY_NOT:
        raise Forbidden("Only administrators say who pays bills.", code="may_not_say_who_pays")
    require_verified(context)


def _own(context: AccountContext) -> int:
    return _account_of(context.party_id or 0)


def _account_of(party_id: int) -> int:
    return opened_account(party_id=party_id, segment=party(party_id).segment)
