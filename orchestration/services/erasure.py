"""What was said to providers holds personal data: blanked when nobody can claim anything more."""

from datetime import timedelta

from django.db import transaction

from commerce.kernel.clock import business_now
from orchestration.domain.porting import OUT_OVER, Direction
from orchestration.models import (
    Effect,
    Plan,
    Porting,
    PortingCall,
    PortingEntry,
    ProviderCallback,
    TaskHistory,
)

KEPT = timedelta(days=366)
"""After the end of a plan; claims are barred after a year (L34-2 CPCE)."""
_AT_ONCE = 1000


@transaction.atomic
def blank_old_requests() -> int:
    """Empty the requests, answers and callbacks of plans that ended long ago; how many plans.

    Keys, states and instants stay: they show that an effect happened once.
    """
    old = Plan.objects.filter(finished_at__lt=business_now() - KEPT, erased_at=None)
    plans = list(old.order_by("finished_at").values_list("pk", flat=True)[:_AT_ONCE])
    effects = Effect.objects.filter(task__plan__in=plans)
    keys = list(effects.values_list("key", flat=True))
    ProviderCallback.objects.filter(request_key__in=keys).update(data={})
    effects.update(request={}, answer=None)
    TaskHistory.objects.filter(task__plan__in=plans).exclude(changes={}).update(changes={})
    _blank_portings()
    return Plan.objects.filter(pk__in=plans).update(erased_at=business_now())


def _blank_portings() -> None:
    """RIOs and what was said about portings that ended long ago; their states and dates stay."""
    now = business_now()
    old = Porting.objects.filter(changed_at__lt=now - KEPT, erased_at=None, state__in=[*OUT_OVER])
    portings = list(old.order_by("changed_at").values_list("pk", flat=True)[:_AT_ONCE])
    leaving = Porting.objects.filter(pk__in=portings, direction=Direction.OUT)
    told = list(leaving.values_list("reference", flat=True))
    ProviderCallback.objects.filter(request_key__in=told).update(data={})
    PortingEntry.objects.filter(porting__in=portings).update(data={})
    PortingCall.objects.filter(porting__in=portings).update(request={}, answer=None)
    Porting.objects.filter(pk__in=portings).update(rio="", redirect_to="", erased_at=now)
