"""A TMF620 export of others: what becomes of it, and that nothing is dropped in silence."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from catalogue.importer.tmf620 import Converted, converted
from commerce.kernel.errors import InvalidInput

FILE = Path(__file__).resolve().parents[2] / "fixtures" / "tmf620.json"


def export() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"), parse_float=Decimal)
    return found


def test_offerings_prices_and_bundles_find_their_place() -> None:
    data = converted(export()).data
    assert data["categories"] == {
        "handsets": {"fr": "Handsets", "en": "Handsets"},
        "tmf620": {"fr": "TMF620", "en": "TMF620"},
    }
    assert data["specifications"]["smartphone-zed"] == {
        "kind": "handset",
        "recipe": "handset",
        "characteristics": {"storage": 256, "brand": "Zedco"},
    }
    assert data["characteristics"]["storage"] == {
        "name": {"fr": "Storage", "en": "Storage"},
        "type": "number",
        "unit": "GB",
    }
    phone, plan = data["offerings"]
    assert phone == {
        "code": "zed-256",
        "category": "handsets",
        "name": {"fr": "Zed 256", "en": "Zed 256"},
        "summary": {"fr": "A phone.", "en": "A phone."},
        "segments": ["consumer"],
        "channels": ["web"],
        "valid_from": "2026-12-01T00:00:00Z",
        "specification": "smartphone-zed",
        "characteristics": {"colour": "Blue"},
        "charges": [
            {
                "code": "price",
                "kind": "one_off",
                "tax_class": "goods",
                "consumer": Decimal("399.90"),
            }
        ],
    }
    assert plan["terms"] == [24]
    assert plan["charges"] == [
        {
            "code": "monthly",
            "kind": "recurring",
            "tax_class": "telecom",
            "consumer": Decimal("15.00"),
        },
        {
            "code": "minutes",
            "kind": "usage",
            "tax_class": "telecom",
            "unit": "minute",
            "consumer": Decimal("0.05"),
        },
    ]
    (bundle,) = data["bundles"]
    assert [(s["role"], s["minimum"], s["maximum"], s["default"]) for s in bundle["slots"]] == [
        ("handset", 0, 1, "zed-256"),
        ("plan", 1, 1, "plan-tide"),
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("category[c1].parentId", "has no counterpart here"),
        ("productSpecification[s1].productNumber", "has no counterpart here"),
        ("productSpecification[s1].productSpecCharacteristic[Colour]", "several values"),
        ("productOffering[o1].marketSegment[Wholesale]", "is not known here"),
        ("productOffering[o1].productOfferingPrice[Upfront]", "tax class assumed: goods"),
        ("productOffering[o2].productOfferingTerm[Three years]", "only 0, 12 and 24 months"),
        ("productOffering[o2].productOfferingPrice[Weekly pass]", "neither by month nor year"),
        ("productOffering[o2].productOfferingPrice[Abroad]", "is in USD"),
        ("productOffering[o2].productOfferingPrice[Monthly fee]", "14.999 was rounded to 15.00"),
        ("productOffering[o2].serviceLevelAgreement", "has no counterpart here"),
        ("productOfferingPrice[p2].tax", "has no counterpart here"),
        ("productOffering[o3].lifecycleStatus", "Retired: left out as a whole"),
        ("productOffering[o4].bundledProductOffering[Gone]", "is not among the offerings"),
        ("texts", "one language"),
    ],
)
def test_what_has_no_counterpart_is_told(place: str, message: str) -> None:
    found: Converted = converted(export())
    assert [each for each in found.left if each.place == place and message in each.message]


def test_every_field_of_the_export_is_read_or_told() -> None:
    strange = export()
    strange["productOffering"][0]["agreement"] = [{"id": "a"}]
    strange["productOfferingPrice"][0]["percentage"] = 5
    places = {each.place for each in converted(strange).left}
    assert {"productOffering[o1].agreement", "productOfferingPrice[p1].percentage"} <= places


def test_a_list_of_typed_things_is_read_alike() -> None:
    found = export()
    listed = [
        {"@type": name[0].upper() + name[1:], **each} for name in found for each in found[name]
    ]
    assert converted(listed).data == converted(found).data


@pytest.mark.parametrize("wrong", ["text", {"offers": []}, []])
def test_something_else_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        converted(wrong)
    assert refused.value.code == "not_tmf620"
