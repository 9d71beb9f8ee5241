"""A catalogue in a folder, small enough to read, for tests to spoil."""

from pathlib import Path

DEMO = Path(__file__).resolve().parents[3] / "catalogue" / "demo"

SMALL = """\
categories:
  phones: {fr: Téléphones, en: Phones}
characteristics:
  network: {name: {fr: Réseau, en: Network}, required_for: [handset]}
  level: {name: {fr: Niveau, en: Level}}
  colour: {name: {fr: Couleur, en: Colour}, values: {red: {fr: Rouge, en: Red}}}
families:
  - code: rook
    kind: handset
    category: phones
    name: {fr: Rook, en: Rook}
    summary: {fr: Un téléphone., en: A phone.}
    recipe: parcel
    characteristics: {network: [4G]}
    variants:
      - code: rook-red
        label: {fr: Rouge, en: Red}
        characteristics: {colour: red}
        charges:
          - {code: price, kind: one_off, tax_class: goods, consumer: 99.00, business: 82.50}
offerings:
  - code: tide
    kind: plan
    category: phones
    name: {fr: Marée, en: Tide}
    summary: {fr: Un forfait., en: A plan.}
    recipe: line
    terms: [0, 24]
    characteristics: {level: 1}
    charges:
      - {code: monthly, kind: recurring, tax_class: telecom, consumer: 9.99, business: 8.00}
bundles:
  - code: pair
    category: phones
    name: {fr: Paire, en: Pair}
    summary: {fr: Les deux., en: Both.}
    slots:
      - {role: handset, kind: handset, minimum: 1, maximum: 1}
      - {role: plan, kind: plan, minimum: 1, maximum: 1}
rules:
  - code: network
    kind: requires
    when: {fact: plan.level, at_least: 2}
    then: {fact: handset.network, includes: 5G}
    message: {fr: Non., en: No.}
    way_out: {fr: Autre., en: Other.}
recipes:
  line:
    tasks:
      - {key: activate, kind: callback, action: network.activate, undo: network.end,
         until: line.activated}
  parcel:
    tasks:
      - {key: ship, kind: callback, action: logistics.ship, undo: logistics.cancel,
         until: shipment.picked}
suppliers:
  house:
    name: House
    lead_days: 1
    pieces: {rook-red: 3}
numbers:
  - {klass: standard, first: "0639980001", last: "0639980010"}
"""


def written(folder: Path, text: str = SMALL) -> Path:
    """The text as the one file of a catalogue."""
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    return folder


def line_of(text: str, fragment: str) -> int:
    """Where `fragment` first stands, counted from 1."""
    return text[: text.index(fragment)].count("\n") + 1
