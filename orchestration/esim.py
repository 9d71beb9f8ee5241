"""What became of an eSIM profile: as the SM-DP+ answered, and as it told since (GSMA SGP.22)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commerce.accounts.identity import AccountContext
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now
from commerce.kernel.errors import RuleViolated
from commerce.notifications.services import send
from commerce.ordering.selectors import sim_on_its_way
from orchestration.models import Effect, ProviderCallback
from subscriptions.domain.views import SubscriptionView


class ProfileState(StrEnum):
    """As SGP.22 calls it; `ERROR`: the device could not install it."""

    ALLOCATED = "allocated"
    RELEASED = "released"
    DOWNLOADED = "downloaded"
    INSTALLED = "installed"
    ENABLED = "enabled"
    ERROR = "error"


_TOLD = {
    "profile.downloaded": ProfileState.DOWNLOADED,
    "profile.installed": ProfileState.INSTALLED,
    "profile.enabled": ProfileState.ENABLED,
    "profile.failed": ProfileState.ERROR,
}
_FURTHEST = tuple(ProfileState)


@dataclass(frozen=True, slots=True)
class EsimProfile:
    """An eSIM of a line; `coming`: it takes the place of the present one once it is installed.

    `at` is when it came to its state (business time), None if nobody told.
    """

    iccid: str
    lpa: str
    state: ProfileState
    at: datetime | None
    coming: bool

    @property
    def installable(self) -> bool:
        return bool(self.lpa) and self.state is ProfileState.RELEASED


def profile_of(contract: SubscriptionView) -> EsimProfile | None:
    """The eSIM that the customer may install or has: one that is on its way before the present one.

    None if the line has no eSIM. Four queries at most.
    """
    coming = sim_on_its_way(contract.id)
    if coming is not None and coming.lpa:
        return _profile(coming.order, coming.iccid, coming.lpa, coming=True)
    if not contract.lpa:
        return None
    orders = {item.facts.get("iccid"): item.order_number for item in contract.items}
    order = orders.get(contract.iccid, contract.order_number)
    return _profile(order, contract.iccid, contract.lpa, coming=False)


def _profile(order: str, iccid: str, lpa: str, *, coming: bool) -> EsimProfile:
    """What was told in any order: the furthest state counts."""
    effects = Effect.objects.filter(
        task__plan__order_number=order, task__action="esim.download", answer__iccid=iccid
    )
    keys = list(effects.values_list("key", flat=True))
    told = ProviderCallback.objects.filter(request_key__in=keys, type__in=list(_TOLD))
    reached = [(_TOLD[kind], at) for kind, at in told.values_list("type", "occurred_at")]
    first = ProfileState.RELEASED if lpa else ProfileState.ALLOCATED
    state, at = max(reached, key=lambda each: _FURTHEST.index(each[0]), default=(first, None))
    return EsimProfile(iccid, lpa, state, at, coming)


def send_again(context: AccountContext, contract: SubscriptionView) -> None:
    """Tell the customer once more where his eSIM is; the agent himself never sees its code.

    Raises:
        Forbidden: `caller_not_verified`.
        RuleViolated: `no_esim_to_install`: there is none, or it is on a phone already.
    """
    require_verified(context)
    found = profile_of(contract)
    if found is None or not found.installable:
        raise RuleViolated(
            "This line has no eSIM that can be installed.", code="no_esim_to_install"
        )
    send(
        code="esim_ready",
        party_id=contract.party_id,
        values={"order": contract.order_number},
        reference=f"esim/{found.iccid}/{business_now():%Y%m%d%H%M}",
    )
