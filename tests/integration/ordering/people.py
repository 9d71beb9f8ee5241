"""Who acts in these tests, and what they say."""

from datetime import date
from decimal import Decimal

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import Contact, Unit, User
from commerce.accounts.selectors import Address
from commerce.kernel.money import Money
from commerce.markets.fr.rio import key_of
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.numbering import Keep, NumberChoice
from commerce.ordering.services import carts
from commerce.ordering.services.place import Checkout, NewCustomer
from commerce.ordering.services.pricing import quote_cart
from tests.factories import FirmFactory, MemberFactory, PersonFactory, UserFactory

ALL_AGREED = OrderConsents(
    terms=True, contract_summary_confirmed=True, early_execution_requested=True
)
HOME = Address(name="Camille Martin", line1="3 rue des Tilleuls", postcode="75011", city="Paris")
CAMILLE = NewCustomer("camille@example.test", "Camille", "Martin", phone="0639980042")
KEPT = NumberChoice(Keep.PORT, "06 39 98 12 34", "02PA1B2C3RE+", date(2026, 11, 30))
_OTHER_KEY = key_of(operator="02", quality="P", reference="A1B2C3", number="0639985077")
ALSO_KEPT = NumberChoice(Keep.PORT, "06 39 98 50 77", f"02PA1B2C3{_OTHER_KEY}", date(2026, 11, 30))


def visitor(key: str = "v-1") -> AccountContext:
    return AccountContext(
        actor=Actor(ActorKind.VISITOR, None, "visitor"),
        party_id=None,
        role=Role.VISITOR,
        channel=Channel.WEB,
        visitor_key=key,
    )


def customer(name: str = "Camille Martin") -> AccountContext:
    party = PersonFactory.create(display_name=name)
    user = UserFactory.create(email=party.email, party=party)
    return AccountContext(
        actor=Actor(ActorKind.USER, user.pk, name),
        party_id=party.pk,
        role=Role.CUSTOMER,
        channel=Channel.WEB,
    )


def agent(party_id: int | None = None, *, verified: bool = True) -> AccountContext:
    """An agent; with a customer, in a contact in which that one has proven who he is."""
    user, _ = User.objects.get_or_create(email="agent@example.test")
    contact = None
    if party_id is not None:
        contact = Contact.objects.create(
            agent=user, party_id=party_id, reason="order", verified=verified
        )
    return AccountContext(
        actor=Actor(ActorKind.AGENT, user.pk, "Nadia Benali"),
        party_id=party_id,
        role=Role.AGENT,
        channel=Channel.CALL_CENTRE,
        contact_id=contact.pk if contact else None,
    )


def organisation() -> Unit:
    """Atelier Rivoire: a root unit with two sites."""
    return FirmFactory.create()


def member(unit: Unit, name: str, *, role: Role, limit: str) -> AccountContext:
    found = MemberFactory.create(unit=unit, name=name, role=role, order_limit=Decimal(limit))
    return AccountContext(
        actor=Actor(ActorKind.CLIENT, found.pk, name),
        party_id=unit.organisation.party_id,
        role=role,
        channel=Channel.B2B_API,
        membership_id=found.pk,
    )


def bundle_cart(context: AccountContext, *, handset: str, plan: str = "horizon-130") -> str:
    """A handset, a plan for 24 months and an eSIM."""
    code = carts.open_cart(context)
    carts.put_bundle(
        context,
        code=code,
        bundle="handset-and-plan",
        choices={"handset": handset, "plan": plan, "sim": "esim"},
        term=24,
    )
    return code


def two_bundles_cart(context: AccountContext, *, handset: str) -> str:
    """The same twice."""
    code = bundle_cart(context, handset=handset)
    carts.put_bundle(
        context,
        code=code,
        bundle="handset-and-plan",
        choices={"handset": handset, "plan": "horizon-130", "sim": "esim"},
        term=24,
    )
    return code


def checkout_for(context: AccountContext, code: str, **changes: object) -> Checkout:
    """The checkout of someone who agrees to everything at the price that he sees."""
    seen = quote_cart(context, code=code)
    given: dict[str, object] = {
        "expected_total": seen.due_today_gross,
        "digest": seen.digest(),
        "consents": ALL_AGREED,
        "deliver_to": HOME,
        **changes,
    }
    if context.party_id is None:
        given.setdefault("customer", CAMILLE)
    return Checkout(**given)  # type: ignore[arg-type]


def euros(amount: str) -> Money:
    return Money.of(amount)
