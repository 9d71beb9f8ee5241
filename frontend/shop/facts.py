"""The characteristics of an offering in groups, with what French law wants beside the price."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.model import Offering, Snapshot
from frontend.shop.words import euros, label_of, said, value_text
from frontend.typography import number_text

HIDDEN = frozenset(
    {"form", "camera_layout", "screen_cutout", "colour_hex", "subsidy_level", "level"}
)


def groups_of(offering: Offering, *, catalogue: Snapshot) -> list[dict[str, Any]]:
    """Groups with their pairs (name, value)."""
    return [
        {
            "title": title,
            "pairs": [
                (label_of(catalogue, name), text_of(offering, name, catalogue=catalogue))
                for name in names
            ],
        }
        for title, names in groups_in(offering.characteristics)
    ]


def groups_in(present: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The characteristics that are `present`, by group; what no group names comes last."""
    left = [name for name in present if name not in HIDDEN]
    for title, names in _groups():
        found = [name for name in names if name in left]
        left = [name for name in left if name not in names]
        if found:
            yield title, found
    if left:
        yield _("More"), left


def text_of(offering: Offering, name: str, *, catalogue: Snapshot) -> str:
    """One of its characteristics in words."""
    value = offering.characteristics[name]
    if name == "fits_families" and isinstance(value, tuple):
        return ", ".join(said(catalogue.families.get(str(code))) or str(code) for code in value)
    if name == "supplier":
        return _("our warehouse") if value == "entrepot" else _("our partner, to your door")
    return value_text(catalogue, name, value)


def labels_by_law(offering: Offering, *, catalogue: Snapshot) -> list[dict[str, str]]:
    """Energy and repairability classes, as badges on the offer page."""
    facts = offering.characteristics
    found = []
    for name in ("energy_class", "repair_class", "drop_class"):
        if name in facts:
            found.append(
                {"name": label_of(catalogue, name), "letter": str(facts[name]), "kind": name}
            )
    return found


def price_includes(offering: Offering) -> str:
    """The private-copy levy and eco-contribution that are part of the price (L122-8-4 CPI and
    R543-290-3 of the environmental code want them shown)."""
    facts = offering.characteristics
    levy, eco = facts.get("private_copy_levy"), facts.get("eco_contribution")
    parts = []
    if isinstance(levy, Decimal):
        parts.append(_("%(amount)s of private-copy levy") % {"amount": euros(levy)})
    if isinstance(eco, Decimal):
        parts.append(_("%(amount)s of eco-contribution") % {"amount": euros(eco)})
    if not parts:
        return ""
    return _("The price includes %(parts)s.") % {"parts": _(" and ").join(parts)}


def sar_text(offering: Offering) -> str:
    """SAR as the decree of 8 October 2003 wants it beside the phone."""
    facts = offering.characteristics
    if "sar_head" not in facts:
        return ""
    return _("SAR: head %(head)s W/kg, trunk %(body)s W/kg, limbs %(limb)s W/kg.") % {
        "head": _plain(facts["sar_head"]),
        "body": _plain(facts.get("sar_body", "")),
        "limb": _plain(facts.get("sar_limb", "")),
    }


def _plain(value: object) -> str:
    return number_text(value, language=get_language()) if isinstance(value, Decimal | int) else ""


def _groups() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        (_("In your plan"), ("data_gb", "europe_gb", "calls", "messages", "with_handset")),
        (_("Essentials"), ("brand", "model", "os", "storage_gb", "ram_gb", "colour")),
        (_("Screen"), ("screen_inches", "screen_type", "screen_hz")),
        (_("Camera"), ("camera_mp", "front_camera_mp")),
        (_("Battery"), ("battery_mah", "battery_hours", "battery_cycles", "charge_watts",
                        "connector", "magnetic")),
        (_("Network and SIM"), ("network", "network_bands", "volte", "vowifi", "esim",
                                "sim_slots", "nfc")),
        (_("Size and weight"), ("height_mm", "width_mm", "thickness_mm", "weight_g")),
        (_("Lasting"), ("energy_class", "repairability", "repair_class", "drop_class", "ip",
                        "update_years", "warranty_years", "refurbished")),
        (_("Health"), ("sar_head", "sar_body", "sar_limb")),
        (_("Included in the price"), ("private_copy_levy", "eco_contribution")),
        (_("Delivery"), ("supplier",)),
        (_("Speeds"), ("download_mbps", "upload_mbps")),
        (_("Fits"), ("type", "fits", "fits_families")),
    )  # fmt: skip
