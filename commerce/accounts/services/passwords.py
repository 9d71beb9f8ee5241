"""A forgotten password: a link by mail that works once and not for long."""

import secrets

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from commerce.accounts.events import PasswordForgotten
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, EntryKind, Role
from commerce.accounts.models import User, UserManager
from commerce.accounts.services import timeline
from commerce.events.outbox import publish
from commerce.kernel.errors import InvalidInput, NotFound

PATH = "/account/password/{user}/{token}/"


@transaction.atomic
def ask_for_password(*, email: str) -> None:
    """Have a link sent to whoever logs in with that address.

    Nothing tells the caller whether there is such a user: neither an answer nor the time it takes.
    """
    user = User.objects.filter(email=UserManager.normalise(email), is_active=True).first()
    if user is not None:
        publish(PasswordForgotten(user_id=user.pk, key=secrets.token_hex(8)))


def link_for(user_id: int) -> tuple[User, str]:
    """The user and the address at which he sets a new password; a secret, for his eyes only.

    Raises:
        NotFound: no such user.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotFound("There is no such user.", code="unknown_user")
    path = PATH.format(
        user=urlsafe_base64_encode(force_bytes(user.pk)),
        token=default_token_generator.make_token(user),
    )
    return user, f"{settings.PUBLIC_URL}{path}"


def user_of_link(*, user: str, token: str) -> User:
    """Whose link that is.

    Raises:
        NotFound: `unknown_link`: it was used, is too old, or never was one.
    """
    try:
        found = User.objects.filter(pk=int(urlsafe_base64_decode(user)), is_active=True).first()
    except (ValueError, OverflowError):
        found = None
    if found is None or not default_token_generator.check_token(found, token):
        raise NotFound("This link is not valid (any more).", code="unknown_link")
    return found


@transaction.atomic
def set_password(*, user: str, token: str, password: str) -> User:
    """Set the password through the link, which is used up by it.

    Raises:
        NotFound: `unknown_link`.
        InvalidInput: `password_weak`.
    """
    found = User.objects.select_for_update().get(pk=user_of_link(user=user, token=token).pk)
    try:
        validate_password(password, found)
    except ValidationError as error:
        raise InvalidInput(
            " ".join(error.messages), code="password_weak", field="password"
        ) from None
    found.set_password(password)
    found.save(update_fields=["password"])
    if found.party_id is not None:
        timeline.record(
            party_id=found.party_id,
            kind=EntryKind.ACCOUNT,
            code="password_changed",
            context=_himself(found),
        )
    return found


def _himself(user: User) -> AccountContext:
    return AccountContext(
        actor=Actor(ActorKind.USER, user.pk, user.get_full_name() or user.email),
        party_id=user.party_id,
        role=Role.CUSTOMER,
        channel=Channel.WEB,
    )
