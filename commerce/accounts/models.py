"""Users log in; parties own things; members act for organisations; agents act for parties."""

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from commerce.accounts.kinds import (
    MEMBER_ROLES,
    ActorKind,
    Channel,
    EntryKind,
    PartyKind,
    RequestKind,
    Segment,
    StaffKind,
    Verification,
)
from commerce.kernel.clock import business_now


def _known(field: str, words: Any, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [str(word) for word in words]}), name=name
    )


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalise(username or ""))

    @staticmethod
    def normalise(email: str) -> str:
        return email.strip().lower()


class User(AbstractUser):
    """Someone who logs in, by e-mail."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    language = models.CharField(max_length=5, default="fr")
    party = models.OneToOneField(
        "accounts.Party", null=True, blank=True, on_delete=models.PROTECT, related_name="login"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower")
        ]

    def __str__(self) -> str:
        return self.email


class StaffRole(models.Model):
    """A kind of work that a member of staff may do."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff_roles"
    )
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in StaffKind])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="staff_role_once"),
            _known("kind", StaffKind, name="staff_role_known"),
        ]


class Party(models.Model):
    """A person or an organisation that owns things."""

    kind = models.CharField(max_length=12)
    segment = models.CharField(max_length=8, default=Segment.CONSUMER)
    display_name = models.CharField(max_length=200)
    email = models.EmailField(blank=True, default="")
    phone = models.CharField(max_length=20, blank=True, default="", help_text="E.164")
    language = models.CharField(max_length=5, default="fr")
    created_at = models.DateTimeField(default=business_now)

    class Meta:
        constraints = [
            _known("kind", PartyKind, name="party_kind_known"),
            _known("segment", Segment, name="party_segment_known"),
        ]
        indexes = [
            models.Index(Lower("email"), name="party_by_email"),
            models.Index(fields=["phone"], name="party_by_phone"),
        ]

    def __str__(self) -> str:
        return self.display_name


class Person(models.Model):
    """What is known of a person beside the party."""

    party = models.OneToOneField(Party, on_delete=models.CASCADE, related_name="person")
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    birth_date = models.DateField(null=True, blank=True)


class PartyAddress(models.Model):
    """An address of a party: of a person, or a site of an organisation (a place of delivery)."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="addresses")
    label = models.CharField(max_length=80, blank=True, default="")
    siret = models.CharField(max_length=14, blank=True, default="")
    name = models.CharField(max_length=120)
    line1 = models.CharField(max_length=120)
    line2 = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=10)
    city = models.CharField(max_length=80)
    country = models.CharField(max_length=2, default="FR")
    phone = models.CharField(max_length=20, blank=True, default="")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]


class Organisation(models.Model):
    """What is known of an organisation beside the party; numbers are checked by their keys. A
    merchant is no `customer`: he may be one too, and have several contracts, each a party."""

    party = models.OneToOneField(Party, on_delete=models.CASCADE, related_name="organisation")
    legal_name = models.CharField(max_length=200)
    siren = models.CharField(max_length=9)
    vat_number = models.CharField(max_length=14, blank=True, default="")
    customer = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["siren"], condition=Q(customer=True), name="organisation_once"
            )
        ]

    def __str__(self) -> str:
        return self.legal_name


class Unit(models.Model):
    """A part of an organisation: department, cost centre. The root has no parent."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="units")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name = models.CharField(max_length=120)
    code = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(parent=None), name="unit_one_root"
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")), name="unit_not_own_parent"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """Someone's role in a unit. `user` is None when only an API client acts through it."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="memberships",
    )
    name = models.CharField(max_length=160)
    email = models.EmailField(blank=True, default="")
    role = models.CharField(max_length=14)
    order_limit = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal(0), help_text="EUR without tax, per order"
    )
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            _known("role", MEMBER_ROLES, name="membership_role_known"),
            models.CheckConstraint(
                condition=Q(order_limit__gte=0), name="membership_limit_not_negative"
            ),
            models.UniqueConstraint(
                fields=["unit", "user", "role"],
                condition=Q(user__isnull=False),
                name="membership_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class Contact(models.Model):
    """A conversation of an agent with a party: who was asked for, how it was proven, why."""

    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="contacts"
    )
    party = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.PROTECT, related_name="contacts"
    )
    channel = models.CharField(max_length=12, default=Channel.CALL_CENTRE)
    reason = models.CharField(max_length=40)
    note = models.TextField(blank=True, default="")
    facts_checked = models.JSONField(default=list, help_text="names of facts, never their values")
    verified = models.BooleanField(default=False)
    level = models.CharField(max_length=2, default=Verification.L0)
    started_at = models.DateTimeField(default=business_now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            _known("level", Verification, name="contact_level_known"),
            _known("channel", Channel, name="contact_channel_known"),
        ]
        indexes = [models.Index(fields=["party", "-started_at"], name="contact_by_party")]


class TimelineEntry(models.Model):
    """One line of what happened with a customer, whatever the channel. Only ever added."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField(default=business_now)
    kind = models.CharField(max_length=12)
    code = models.CharField(max_length=60)
    values = models.JSONField(default=dict, help_text="values of the sentence; made at the edge")
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    channel = models.CharField(max_length=12)
    trace_id = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [
            _known("kind", EntryKind, name="timeline_kind_known"),
            _known("actor_kind", ActorKind, name="timeline_actor_known"),
            _known("channel", Channel, name="timeline_channel_known"),
        ]
        indexes = [models.Index(fields=["party", "-at", "-id"], name="timeline_by_party")]


class Consent(models.Model):
    """A consent or a refusal as it was given: to which text, where, by whom. Only ever added."""

    party = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="consents"
    )
    visitor_key = models.CharField(max_length=64, blank=True, default="", db_index=True)
    purpose = models.CharField(max_length=40)
    text_version = models.CharField(max_length=40)
    granted = models.BooleanField(default=True)
    reference = models.CharField(max_length=80, blank=True, default="")
    channel = models.CharField(max_length=12)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    at = models.DateTimeField(default=business_now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(party__isnull=False) | ~Q(visitor_key=""), name="consent_of_somebody"
            ),
            _known("channel", Channel, name="consent_channel_known"),
        ]
        indexes = [models.Index(fields=["party", "purpose", "-at"], name="consent_by_party")]


class ContractRequest(models.Model):
    """A wish to end a contract or to withdraw from it, as it was received; an agent sees to it.

    Anybody can ask without an account, so `party` is set only when what was said fits a customer.
    """

    reference = models.CharField(max_length=12, unique=True)
    kind = models.CharField(max_length=8)
    party = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.PROTECT, related_name="contract_requests"
    )
    name = models.CharField(max_length=160)
    email = models.EmailField()
    address = models.CharField(max_length=300, blank=True, default="")
    contract = models.CharField(max_length=40)
    line_number = models.CharField(max_length=20, blank=True, default="")
    wished_on = models.DateField(null=True)
    motive = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="why nothing would be owed"
    )
    message = models.TextField(blank=True, default="")
    language = models.CharField(max_length=5, default="fr")
    received_at = models.DateTimeField(default=business_now)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.CharField(max_length=200, blank=True, default="")
    outcome = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            _known("kind", RequestKind, name="contract_request_kind_known"),
            models.CheckConstraint(
                condition=Q(handled_at=None, handled_by="")
                | (Q(handled_at__isnull=False) & ~Q(handled_by="")),
                name="contract_request_handled_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["party", "-received_at"], name="contract_request_by_party"),
            models.Index(
                fields=["received_at"],
                condition=Q(handled_at=None),
                name="contract_request_open",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Proof(models.Model):
    """A document that proves the motive of a written request, as it was sent; it is in no folder
    that a web server could show, and erased when its time is over."""

    request = models.ForeignKey(ContractRequest, on_delete=models.CASCADE, related_name="proofs")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, help_text="by its content")
    content = models.BinaryField()
    received_at = models.DateTimeField(db_index=True, help_text="business time")

    def __str__(self) -> str:
        return self.name


class ApiClient(models.Model):
    """An OAuth2 application: a program of an organisation, which acts as one member, one of a
    `merchant`, or without either a system of the operator's own, which reports what it knows and
    sees nobody's things."""

    application = models.OneToOneField(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
        on_delete=models.CASCADE,
        related_name="api_client",
    )
    membership = models.OneToOneField(
        Membership, null=True, blank=True, on_delete=models.CASCADE, related_name="api_client"
    )
    merchant = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(membership__isnull=True) | models.Q(merchant__isnull=True),
                name="api_client_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.name
