"""What Oscar keeps of a release (products, suppliers, stock), and the numbers that it brings."""

from collections.abc import Mapping
from typing import Any

from django.utils.text import slugify
from oscar.apps.catalogue.models import Category, Product, ProductCategory, ProductClass
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.domain.model import Kind
from catalogue.domain.numbers import class_of, classes_from, numbers_between
from catalogue.importer.loader import Accepted
from catalogue.importer.schema import Catalogue, SupplierPart
from catalogue.models import Number, Offering, Release, Supplier, Supply

_TRACKED = frozenset({Kind.HANDSET, Kind.ACCESSORY, Kind.SIM})


def mirror(accepted: Accepted, *, release: Release) -> None:
    """Products for the dashboard and for stock; prices and rules stay in the release."""
    items = {item["code"]: item for item in accepted.document["offerings"]}
    families = {item["family"] for item in items.values() if item["family"]}
    classes = _product_classes()
    categories = _categories(accepted.catalogue)
    parents = _families(accepted, families=families, classes=classes)
    products = _products(items, classes=classes, parents=parents)
    _sidecars(items, products=products, release=release)
    placed = {products[c]: i["category"] for c, i in items.items() if not i["family"]}
    by_family = {i["family"]: i["category"] for i in items.values() if i["family"]}
    placed |= {parents[family]: category for family, category in by_family.items()}
    ProductCategory.objects.bulk_create(
        (
            ProductCategory(product=product, category=categories[category])
            for product, category in placed.items()
        ),
        ignore_conflicts=True,
    )


def _product_classes() -> Mapping[str, ProductClass]:
    return {
        kind.value: ProductClass.objects.get_or_create(
            slug=kind.value,
            defaults={
                "name": kind.value.capitalize(),
                "track_stock": kind in _TRACKED,
                "requires_shipping": kind in _TRACKED,
            },
        )[0]
        for kind in Kind
    }


def _categories(catalogue: Catalogue) -> Mapping[str, Category]:
    present = {category.slug: category for category in Category.objects.all()}
    for code, words in catalogue.categories.items():
        if code not in present:
            present[code] = Category.objects.add_root({"name": words.fr, "slug": code})
    return present


def _families(
    accepted: Accepted, *, families: set[str], classes: Mapping[str, ProductClass]
) -> Mapping[str, Product]:
    parts = [family for family in accepted.catalogue.families if family.code in families]
    rows = [
        Product(
            structure=Product.PARENT,
            upc=f"family-{family.code}",
            slug=f"family-{family.code}",
            title=family.name.fr,
            description=family.summary.fr,
            product_class=classes[family.kind.value],
        )
        for family in parts
    ]
    saved = _upserted(rows)
    return {family.code: saved[f"family-{family.code}"] for family in parts}


def _products(
    items: Mapping[str, Mapping[str, Any]],
    *,
    classes: Mapping[str, ProductClass],
    parents: Mapping[str, Product],
) -> Mapping[str, Product]:
    rows = []
    for code, item in items.items():
        parent = parents.get(item["family"] or "")
        rows.append(
            Product(
                structure=Product.CHILD if parent else Product.STANDALONE,
                upc=code,
                slug=slugify(code),
                title=item["name"]["fr"],
                description=item["summary"]["fr"],
                parent=parent,
                product_class=None if parent else classes[item["kind"]],
            )
        )
    return _upserted(rows)


def _upserted(rows: list[Product]) -> Mapping[str, Product]:
    Product.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["upc"],
        update_fields=["structure", "slug", "title", "description", "parent", "product_class"],
    )
    codes = [row.upc for row in rows]
    return {product.upc: product for product in Product.objects.filter(upc__in=codes)}


def _sidecars(
    items: Mapping[str, Mapping[str, Any]], *, products: Mapping[str, Product], release: Release
) -> None:
    Offering.objects.bulk_create(
        (
            Offering(product=products[code], code=code, kind=item["kind"], release=release)
            for code, item in items.items()
        ),
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["kind", "release"],
    )


def add_stock(catalogue: Catalogue) -> None:
    """Partners as the catalogue says, and the stock records that are not there yet."""
    products = dict(Offering.objects.values_list("code", "product_id"))
    for code, supplier in catalogue.suppliers.items():
        partner, _ = Partner.objects.update_or_create(code=code, defaults={"name": supplier.name})
        Supplier.objects.update_or_create(partner=partner, defaults=_supplier(supplier))
        StockRecord.objects.bulk_create(
            (
                StockRecord(
                    product_id=products[offering],
                    partner=partner,
                    partner_sku=offering,
                    num_in_stock=pieces,
                    num_allocated=0,
                )
                for offering, pieces in supplier.pieces.items()
            ),
            ignore_conflicts=True,
        )
        records = StockRecord.objects.filter(partner=partner, partner_sku__in=supplier.pieces)
        Supply.objects.bulk_create(
            (_supply(pk, sku, supplier) for pk, sku in records.values_list("pk", "partner_sku")),
            ignore_conflicts=True,
        )


def _supplier(part: SupplierPart) -> dict[str, Any]:
    door = part.door.model_dump() if part.door is not None else {}
    return {"kind": part.kind, "preference": part.preference, **door}


def _supply(record_id: int, sku: str, part: SupplierPart) -> Supply:
    coming = part.coming.get(sku)
    return Supply(
        stock_record_id=record_id,
        lead_days=part.lead_days,
        coming=coming.pieces if coming is not None else 0,
        back_order_on=coming.day if coming is not None else None,
    )


def add_numbers(catalogue: Catalogue) -> None:
    """The numbers that are not there yet; those that are keep their class."""
    classes = classes_from([each.model_dump() for each in catalogue.number_classes])
    for pool in catalogue.numbers:
        left_out = set(pool.without)
        wanted = numbers_between(pool.first, pool.last)
        Number.objects.bulk_create(
            (
                Number(msisdn=msisdn, klass=pool.klass or class_of(msisdn, classes))
                for msisdn in wanted
                if msisdn not in left_out
            ),
            ignore_conflicts=True,
            batch_size=2000,
        )
