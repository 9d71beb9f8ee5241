"""What customers are told of their portings, by SMS where there is a telephone."""

from typing import Any

from django.conf import settings

from commerce.notifications.services import send
from commerce.ordering.services import links
from orchestration.domain.porting import motive_of
from orchestration.models import Porting
from orchestration.porting import book


def tell(porting: Porting, code: str, **values: Any) -> None:
    """Once per attempt and planned day."""
    if porting.party_id is None:
        return
    pack = book.pack()
    motive = motive_of(porting.motive, pack=pack) if porting.motive else None
    told: dict[str, Any] = {
        "msisdn": pack.display_number(porting.msisdn),
        "port_date": porting.day.strftime("%d/%m/%Y") if porting.day else "",
        "port_slot": porting.slot,
        "order": porting.order_number,
        "url": settings.PUBLIC_URL + links.TRACK.format(number=porting.order_number),
        "why": dict(motive.text) if motive else {},
        "next_step": dict(motive.next_step) if motive else {},
    }
    send(
        party_id=porting.party_id,
        code=code,
        values={**told, **values},
        reference=f"{porting.reference}/{code}/{porting.attempt}/{porting.day or '-'}"[:120],
    )
