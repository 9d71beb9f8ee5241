"""People and firms for tests, by factory-boy; each call makes new ones."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from commerce.accounts.kinds import PartyKind, Role, Segment
from commerce.accounts.models import Membership, Organisation, Party, PartyAddress, Unit, User


class PersonFactory(DjangoModelFactory[Party]):
    """A consumer with an address in Paris."""

    class Meta:
        model = Party

    kind = PartyKind.PERSON
    segment = Segment.CONSUMER
    display_name = "Camille Martin"
    email = factory.LazyAttribute(lambda o: f"{o.display_name.split()[0].lower()}@example.test")
    phone = "+33639980042"

    @factory.post_generation
    def address(self, create: bool, given: Any, **_: Any) -> None:
        """Named after the person."""
        if create:
            AddressFactory.create(party=self, name=self.display_name)


class AddressFactory(DjangoModelFactory[PartyAddress]):
    class Meta:
        model = PartyAddress

    name = "Camille Martin"
    line1 = "3 rue des Tilleuls"
    postcode = "75011"
    city = "Paris"


class UserFactory(DjangoModelFactory[User]):
    """A login without a usable password."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.test")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **values: Any) -> User:
        return model_class.objects.create_user(values.pop("email"), None, **values)


class FirmFactory(DjangoModelFactory[Unit]):
    """The root unit of Atelier Rivoire, with sites in Lyon and Nantes."""

    class Meta:
        model = Unit

    name = "Siège"

    @classmethod
    def _create(cls, model_class: type[Unit], *args: Any, **values: Any) -> Unit:
        party = Party.objects.create(
            kind=PartyKind.ORGANISATION,
            segment=Segment.BUSINESS,
            display_name="Atelier Rivoire",
            email="achats@rivoire.test",
        )
        for number, label in enumerate(("Lyon", "Nantes")):
            AddressFactory.create(
                party=party,
                label=label,
                name="Atelier Rivoire",
                line1=f"{number + 1} quai du Port",
                postcode="69001",
                city=label,
                position=number,
            )
        firm = Organisation.objects.create(
            party=party, legal_name="Atelier Rivoire SAS", siren="732829320"
        )
        return model_class.objects.create(organisation=firm, **values)


class MemberFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    name = "Paul"
    email = factory.LazyAttribute(lambda o: f"{o.name.lower()}@rivoire.test")
    role = Role.BUYER
