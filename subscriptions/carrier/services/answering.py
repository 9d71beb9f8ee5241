"""The customer's yes or no to a purchase: by the code that was sent to his line, or on our page."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import Conflict, InvalidInput, NotFound
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.services import telling
from subscriptions.carrier.services.finishing import deny, is_over, move
from subscriptions.carrier.services.locking import locked
from subscriptions.domain.carrier import PaymentState

MOST_TRIES = 3
REFUSED = "refused_by_customer"
"""Why a payment was denied to which the holder of the line said no."""
_SALT = "carrier-page"


def validate(*, party_id: int, payment_id: UUID, authorization: str, code: str) -> None:
    """The customer's code makes the payment ready to be confirmed; the third wrong one denies it.

    Raises:
        NotFound. Conflict: `already_validated`. InvalidInput: `wrong_authorization`, `wrong_code`,
        `validation_failed` (too many wrong ones, or it was given up).
    """
    with transaction.atomic():
        payment = locked(party_id=party_id, payment_id=payment_id)
        wrong = _validated(payment, authorization=authorization, code=code)
    if wrong == "already_validated":
        raise Conflict("This payment was validated before.", code=wrong)
    if wrong:
        raise InvalidInput("The payment was not validated.", code=wrong)


def _validated(payment: CarrierPayment, *, authorization: str, code: str) -> str:
    """What is wrong with the code; a try is counted."""
    if payment.state in (PaymentState.RESERVED, PaymentState.SUCCEEDED):
        return "already_validated"
    if payment.state != PaymentState.PENDING_VALIDATION or is_over(payment):
        return "validation_failed"
    if not constant_time_compare(authorization, payment.authorization):
        return "wrong_authorization"
    if constant_time_compare(digest_of_code(payment, code), payment.code_digest):
        move(payment, PaymentState.RESERVED)
        telling.tell_payment(payment, "reserved", "The customer confirmed the payment.")
        return ""
    payment.tries += 1
    payment.save()
    if payment.tries < MOST_TRIES:
        return "wrong_code"
    deny(payment, reason="wrong_code")
    return "validation_failed"


def page_of(payment: CarrierPayment) -> str:
    """The address of our page that asks the customer; signed, and good while it is reserved."""
    token = signing.dumps(payment.pk.hex, salt=_SALT)
    return f"{settings.PUBLIC_URL}/account/purchase/{token}/"


def asked_by(token: str, *, party_id: int) -> CarrierPayment:
    """The payment that a page's address is of, for the holder of the line.

    Raises:
        NotFound: `unknown_payment`: nobody signed it, or it is another's.
    """
    try:
        pk = UUID(hex=signing.loads(token, salt=_SALT))
    except signing.BadSignature:
        raise _unknown() from None
    rows = CarrierPayment.objects.select_related("merchant", "subscription__party")
    payment = rows.filter(pk=pk, subscription__party_id=party_id).first()
    if payment is None:
        raise _unknown()
    return payment


@transaction.atomic
def answer(*, context: AccountContext, token: str, agreed: bool) -> None:
    """What the holder of the line says on our page. The same answer may be given twice.

    Raises:
        NotFound as `asked_by`. Conflict: `payment_cancelled`: it is too late, or it was given up;
        `already_validated`: he has said the other thing.
    """
    known = asked_by(token, party_id=context.party_id or 0)
    payment = locked(party_id=known.merchant.party_id, payment_id=known.pk)
    said = (PaymentState.RESERVED, PaymentState.SUCCEEDED) if agreed else (PaymentState.DENIED,)
    if payment.state in said:
        return
    if payment.state == PaymentState.CANCELLED or is_over(payment):
        raise Conflict("The time for an answer is over.", code="payment_cancelled")
    if payment.state != PaymentState.PENDING_VALIDATION:
        raise Conflict("This payment was answered before.", code="already_validated")
    if agreed:
        move(payment, PaymentState.RESERVED)
        telling.tell_payment(payment, "reserved", "The customer confirmed the payment.")
    else:
        deny(payment, reason=REFUSED)


def _unknown() -> NotFound:
    return NotFound("There is no such payment.", code="unknown_payment")


def digest_of_code(payment: CarrierPayment, code: str) -> str:
    return salted_hmac("carrier-code", f"{payment.pk}:{code}", algorithm="sha256").hexdigest()
