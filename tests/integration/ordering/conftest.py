"""A shop to order from: the demo catalogue's release, with a little stock and some numbers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import pytest
from oscar.apps.catalogue.models import Product, ProductClass
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.domain.model import Kind
from catalogue.models import Number, Offering, Release
from catalogue.selectors import forget_snapshots
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from subscriptions.models import Subscription
from tests.demo import demo
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.test_next_offers import begin
from tests.integration.subscriptions.contracts import at as moment
from tests.integration.subscriptions.contracts import run

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
PIECES = 40


@pytest.fixture
def at() -> Iterator[datetime]:
    with business_time_fixed(AT):
        forget_snapshots()
        yield AT
        forget_snapshots()


@pytest.fixture
def shop(db: None, at: datetime) -> datetime:
    """On sale, with 40 pieces of everything that is stocked and 60 free numbers."""
    open_shop()
    return at


@pytest.fixture
def committed_shop(transactional_db: None, at: datetime) -> datetime:
    """Committed, so that threads with connections of their own see it."""
    open_shop()
    return at


def open_shop(*, pieces: Mapping[str, int] | None = None) -> None:
    """Publish the demo catalogue as release 1. `pieces` by offering (default: 40 of each)."""
    accepted = demo()
    release = Release.objects.create(
        number=1,
        document=accepted.document,
        digest=accepted.digest,
        published_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    sold = [
        offering
        for offering in accepted.snapshot.offerings.values()
        if offering.stocked and offering.kind is not Kind.BUNDLE
    ]
    stocked = ProductClass.objects.create(name="Stocked", slug="stocked")
    products = Product.objects.bulk_create(
        Product(
            structure=Product.STANDALONE,
            title=offering.code,
            slug=offering.code,
            upc=offering.code,
            product_class=stocked,
        )
        for offering in sold
    )
    Offering.objects.bulk_create(
        Offering(product=product, code=offering.code, kind=offering.kind, release=release)
        for product, offering in zip(products, sold, strict=True)
    )
    own = Partner.objects.create(name="Own warehouse", code="own")
    StockRecord.objects.bulk_create(
        StockRecord(
            product=product,
            partner=own,
            partner_sku=product.upc,
            num_in_stock=(pieces or {}).get(product.upc or "", PIECES),
            num_allocated=0,
        )
        for product in products
    )
    Number.objects.bulk_create(Number(msisdn=f"06399800{n:02}") for n in range(60))


@pytest.fixture
def owner() -> AccountContext:
    """A customer bound until 23 November 2028, whose bills are made up to August 2028."""
    person = PersonFactory.create(display_name="Camille Martin")
    begin(person.pk)
    user: User = UserFactory.create(party=person)
    with business_time_fixed(moment(date(2028, 8, 23), 4)):
        run(date(2028, 8, 23))
    return AccountContext(
        Actor(ActorKind.USER, user.pk, "Camille"), person.pk, Role.CUSTOMER, Channel.WEB
    )


@pytest.fixture
def line(owner: AccountContext) -> int:
    return Subscription.objects.get().pk
