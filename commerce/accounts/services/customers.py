"""Becoming a customer: by registering, at a checkout, or through an agent."""

import re
from datetime import date

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from commerce.accounts.events import CustomerRegistered, VisitorIdentified
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, PartyKind, Segment
from commerce.accounts.models import Party, PartyAddress, Person, User
from commerce.accounts.selectors import Address
from commerce.accounts.services import timeline
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, InvalidInput

LANGUAGES = frozenset({"fr", "en"})


@transaction.atomic
def register_customer(
    *,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    context: AccountContext,
    phone: str = "",
    language: str = "fr",
    birth_date: date | None = None,
) -> User:
    """A new login with its customer; what the visitor did before becomes the customer's.

    Raises:
        Conflict: `email_taken`.
        InvalidInput: e-mail, phone, name or password is not acceptable; the field is named.
    """
    email = clean_email(email)
    _checked_password(password, email=email, names=(first_name, last_name))
    party = _new_person(
        email=email,
        first_name=first_name,
        last_name=last_name,
        phone=phone,
        language=language,
        birth_date=birth_date,
    )
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email,
                password,
                first_name=party.person.first_name,
                last_name=party.person.last_name,
                language=party.language,
                party=party,
            )
    except IntegrityError:
        raise Conflict(
            "There is already an account with this e-mail address. Log in instead.",
            code="email_taken",
            field="email",
        ) from None
    publish(CustomerRegistered(party_id=party.pk, user_id=user.pk))
    identify_visitor(visitor_key=context.visitor_key, party_id=party.pk)
    timeline.record(party_id=party.pk, kind=EntryKind.ACCOUNT, code="registered", context=context)
    return user


@transaction.atomic(savepoint=False)
def customer_for_checkout(
    *,
    email: str,
    first_name: str,
    last_name: str,
    context: AccountContext,
    phone: str = "",
    language: str = "fr",
    birth_date: date | None = None,
) -> int:
    """The party that orders: the caller's own, else a new one without login; returns its id.

    A stranger who types the e-mail of a customer gets a party of his own, never that customer's:
    knowing an address proves nothing.

    Raises:
        InvalidInput: a value is not acceptable; the field is named.
    """
    if context.party_id is not None:
        return context.party_id
    party = _new_person(
        email=clean_email(email),
        first_name=first_name,
        last_name=last_name,
        phone=phone,
        language=language,
        birth_date=birth_date,
    )
    identify_visitor(visitor_key=context.visitor_key, party_id=party.pk)
    timeline.record(party_id=party.pk, kind=EntryKind.ACCOUNT, code="created", context=context)
    return party.pk


def identify_visitor(*, visitor_key: str | None, party_id: int) -> None:
    """Tell the layers above that the visitor is this party; needs a transaction."""
    if visitor_key:
        publish(VisitorIdentified(visitor_key=visitor_key, party_id=party_id))


@transaction.atomic
def add_address(*, party_id: int, address: Address) -> int:
    """Keep an address with the party; the same one again is not doubled. Returns its id.

    Raises:
        InvalidInput: a line, the postcode or the town is missing or malformed.
    """
    check_address(address)
    found, _ = PartyAddress.objects.get_or_create(
        party_id=party_id,
        name=address.name.strip(),
        line1=address.line1.strip(),
        line2=address.line2.strip(),
        postcode=address.postcode.strip(),
        city=address.city.strip(),
        country=address.country,
        defaults={"label": address.label, "phone": address.phone, "siret": address.siret},
    )
    return found.pk


def clean_email(email: str) -> str:
    """Lower case without spaces around. Raises InvalidInput when it is none."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput(
            "Enter an e-mail address like name@example.org.", code="email_malformed", field="email"
        ) from None
    return email


def clean_phone(phone: str) -> str:
    """A French number in national form becomes E.164; empty stays empty.

    Raises:
        InvalidInput: it is no telephone number.
    """
    digits = re.sub(r"[\s.\-()]", "", phone)
    if not digits:
        return ""
    if re.fullmatch(r"0[1-9]\d{8}", digits):
        return f"+33{digits[1:]}"
    if re.fullmatch(r"\+[1-9]\d{7,14}", digits):
        return digits
    raise InvalidInput(
        "Enter a phone number with 10 digits, or with its country code (+33…).",
        code="phone_malformed",
        field="phone",
    )


def _new_person(
    *,
    email: str,
    first_name: str,
    last_name: str,
    phone: str,
    language: str,
    birth_date: date | None,
) -> Party:
    first_name, last_name = first_name.strip(), last_name.strip()
    for name, value in (("first_name", first_name), ("last_name", last_name)):
        if not 1 <= len(value) <= 80:
            raise InvalidInput("Enter a name of 1 to 80 letters.", code="name_length", field=name)
    party = Party.objects.create(
        kind=PartyKind.PERSON,
        segment=Segment.CONSUMER,
        display_name=f"{first_name} {last_name}",
        email=email,
        phone=clean_phone(phone),
        language=language if language in LANGUAGES else "fr",
        created_at=business_now(),
    )
    Person.objects.create(
        party=party, first_name=first_name, last_name=last_name, birth_date=birth_date
    )
    return party


def _checked_password(password: str, *, email: str, names: tuple[str, str]) -> None:
    try:
        validate_password(password, User(email=email, first_name=names[0], last_name=names[1]))
    except ValidationError as error:
        raise InvalidInput(
            " ".join(error.messages), code="password_weak", field="password"
        ) from None


def check_address(address: Address) -> None:
    """Raises InvalidInput `address_incomplete`, `postcode_malformed`; `field` says which."""
    for name in ("name", "line1", "city"):
        if not 1 <= len(getattr(address, name).strip()) <= 80:
            raise InvalidInput("Fill in this line.", code="address_incomplete", field=name)
    pattern = r"\d{5}" if address.country == "FR" else r"[A-Za-z0-9 \-]{2,10}"
    if not re.fullmatch(pattern, address.postcode.strip()):
        raise InvalidInput(
            "A French postcode has five digits.", code="postcode_malformed", field="postcode"
        )
