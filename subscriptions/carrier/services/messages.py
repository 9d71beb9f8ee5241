"""What the customer is told of purchases on his line, by SMS to that line.

AFMM charter: a confirmation of each, a word every 5 EUR, a reminder each month; each with the
service's name, who helps, and where to manage it; and in whose name it is sold, where that is the
merchant's own.
"""

from typing import Any

from django.conf import settings

from commerce.accounts.selectors import reach
from commerce.kernel.money import Money
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from subscriptions.carrier.models import CarrierPayment, CarrierSubscription
from subscriptions.domain.carrier import Selling, steps_crossed
from subscriptions.models import Subscription

TOLD_EACH = Money.of(5)


def send_code(payment: CarrierPayment, *, code: str, monthly: bool) -> None:
    """The code by which the customer says yes. It is kept with nobody's messages: who reads those
    could say yes in his place."""
    _send(payment, "carrier_code", values={"code": code, "monthly": monthly}, private=True)


def tell_paid(payment: CarrierPayment, *, spent: Money, before: Money) -> None:
    """What was bought; with the month's sum so far whenever another 5 EUR are spent."""
    crossed = steps_crossed(before=before, after=spent, step=TOLD_EACH)
    values = {
        "spent": said(spent) if crossed else None,
        "monthly": payment.belongs_to_id is not None,
    }
    _send(payment, "carrier_paid", values=values)


def tell_ended(held: CarrierSubscription) -> None:
    """The monthly service is stopped; nothing is owed for that."""
    _send_of(held, "carrier_ended", reference=f"carrier/ended/{held.pk}")


def remind(held: CarrierSubscription, *, month: str) -> None:
    """Each month: what goes on, what it costs, how to stop it."""
    _send_of(held, "carrier_reminder", reference=f"carrier/reminder/{held.pk}/{month}")


def said(amount: Money) -> dict[str, str]:
    """An amount in words of each language, in cents."""
    figures = f"{amount.rounded().amount:.2f}"
    return {"en": f"€{figures}", "fr": f"{figures.replace('.', ',')} €"}


def _send_of(held: CarrierSubscription, code: str, *, reference: str) -> None:
    line = held.subscription
    send(
        code=code,
        party_id=line.party_id,
        to=line.msisdn,
        channel=MessageChannel.SMS,
        reference=reference,
        values={
            "service": held.service,
            "seller": held.merchant.name,
            "support": held.merchant.support,
            "price": said(Money(held.gross, held.currency)),
            "url": address_of(line),
        },
    )


def _send(
    payment: CarrierPayment, code: str, *, values: dict[str, Any], private: bool = False
) -> None:
    line = payment.subscription
    send(
        code=code,
        party_id=None if private else line.party_id,
        to=line.msisdn,
        language=reach(line.party_id).language,
        channel=MessageChannel.SMS,
        reference=f"{code}/{payment.pk}",
        values={
            "service": payment.service,
            "seller": payment.seller,
            "support": payment.support,
            "in_his_name": payment.merchant.selling == Selling.TOLD,
            "price": said(Money(payment.gross, payment.currency)),
            "url": address_of(line),
            **values,
        },
    )


def address_of(line: Subscription) -> str:
    """Where the customer sees and manages the line's purchases."""
    return f"{settings.PUBLIC_URL}/account/lines/{line.pk}/purchases/"
