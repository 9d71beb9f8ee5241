"""Who acts, for whom, through which channel: values."""

from dataclasses import dataclass

from commerce.accounts.kinds import ActorKind, Channel, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts. `name` is what timelines and audits show; a visitor has no id."""

    kind: ActorKind
    id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class AccountContext:
    """`party_id` scopes what may be seen: None sees nothing that belongs to a party.

    A visitor owns what carries his `visitor_key`. A member acts through `membership_id`. An agent
    has a party within a contact (`contact_id`) only. `staff` are the kinds of work of the staff.
    """

    actor: Actor
    party_id: int | None
    role: Role
    channel: Channel
    visitor_key: str | None = None
    membership_id: int | None = None
    contact_id: int | None = None
    staff: frozenset[str] = frozenset()


SYSTEM = AccountContext(
    actor=Actor(kind=ActorKind.SYSTEM, id=None, name="system"),
    party_id=None,
    role=Role.SYSTEM,
    channel=Channel.WEB,
)
