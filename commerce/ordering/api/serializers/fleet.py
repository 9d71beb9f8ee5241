"""Fleet orders: many lines at once, as JSON or as a table; every row is answered."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from commerce.ordering.api.serializers.orders import LANGUAGES, InstalmentsAsked
from commerce.ordering.api.serializers.quotes import (
    MOST_PARTS,
    InstalmentChoicesSerializer,
    QuoteSerializer,
)
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.fleet import COLUMNS, MOST_ROWS, FleetLine
from commerce.ordering.domain.states import OrderState
from commerce.ordering.services.bulk import BulkCheckout
from commerce.web.fields import (
    Flag,
    MoneyAsked,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Word,
    money_of,
)

AMOUNT = r"^[0-9]{1,9}\.[0-9]{2}$"
_TEXT = {"type": "string", "maxLength": 120}
_ROW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user_name", "user_email", "plan"],
    "properties": {
        **dict.fromkeys(COLUMNS, _TEXT),
        "term": {"type": "integer", "minimum": 0, "maximum": 24, "default": 24},
    },
}
CSV_EXAMPLE = (
    "user_name;user_email;plan;handset;sim;term;site;cost_centre\n"
    "Ada Morel;ada@rivoire.example;flotte-50;halvik-bureau-128-graphite;carte-sim;24;Atelier;EM-01"
)


@extend_schema_field({"type": "array", "minItems": 1, "maxItems": MOST_ROWS, "items": _ROW})
class Rows(serializers.ListField):
    """Rows as they come: each gets an answer of its own, so none is refused here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=serializers.DictField(), max_length=MOST_ROWS, **options)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two users",
            value={
                "purchase_order_number": "PO-2026-118",
                "terms": True,
                "lines": [
                    {
                        "user_name": "Ada Morel",
                        "user_email": "ada@rivoire.example",
                        "plan": "flotte-50",
                        "handset": "halvik-bureau-128-graphite",
                        "sim": "carte-sim",
                        "term": 24,
                        "site": "Atelier",
                        "cost_centre": "EM-01",
                    },
                    {
                        "user_name": "Basile Kerr",
                        "user_email": "basile@rivoire.example",
                        "plan": "flotte-50",
                        "term": 24,
                        "site": "Entrepôt",
                    },
                ],
            },
            request_only=True,
        )
    ]
)
class FleetOrderAsked(Strict):
    """One line per named user. `expected_total` and `digest` are compared when given."""

    purchase_order_number = Word(max_length=60)
    lines = Rows()
    terms = Flag(help_text="The terms of sale are accepted")
    expected_total = MoneyAsked(required=False, help_text="`due_today_gross` of the fleet's quote")
    digest = Word(max_length=64, required=False)
    language = OneOf(LANGUAGES, default="fr")
    instalments = InstalmentsAsked()
    instalments_agreed = Flag(default=False, help_text="Pay the parts on their days")


class FleetTableQuery(Strict):
    """What a table (text/csv) can't say itself; a JSON body says it in its members."""

    purchase_order_number = serializers.CharField(max_length=60, required=False)
    terms = serializers.BooleanField(default=False)
    expected_total = serializers.RegexField(AMOUNT, max_length=12, required=False)
    digest = serializers.CharField(max_length=64, required=False)
    language = OneOf(LANGUAGES, default="fr")
    instalments = serializers.IntegerField(min_value=0, max_value=MOST_PARTS, default=0)
    instalments_agreed = serializers.BooleanField(default=False)


class FleetQuoteAsked(Strict):
    lines = Rows()


class RowErrorSerializer(Shown):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class RowAnswerSerializer(Shown):
    """The answer to a row; rows count from 1."""

    row = serializers.IntegerField(min_value=1)
    accepted = serializers.BooleanField()
    errors = RowErrorSerializer(many=True)  # type: ignore[assignment]


class FleetPlacedSerializer(Shown):
    """The one order that was made of all the rows."""

    number = serializers.CharField(source="placed.number")
    state = OneOf(OrderState, source="placed.state.value")
    due_today_gross = MoneySerializer(source="placed.gross", help_text="With tax, on invoice")
    due_now = MoneySerializer(source="placed.due_now", help_text="What of it is not put off")
    lines = RowAnswerSerializer(many=True)


class FleetQuoteSerializer(Shown):
    """`quote` is null unless every row is accepted; `instalments`: how its phones may be paid."""

    quote = QuoteSerializer(allow_null=True)
    instalments = InstalmentChoicesSerializer(source="in_parts")
    lines = RowAnswerSerializer(many=True, source="answers")


def bulk_checkout(asked: Mapping[str, Any]) -> BulkCheckout:
    """The validated request, as ordering takes it."""
    total = asked.get("expected_total")
    if isinstance(total, str):
        total = {"amount": total, "currency": "EUR"}
    return BulkCheckout(
        purchase_order=asked.get("purchase_order_number", ""),
        consents=OrderConsents(terms=asked["terms"], instalments=asked["instalments_agreed"]),
        instalments=asked["instalments"],
        expected_total=money_of(total) if total else None,
        digest=asked.get("digest", ""),
        language=asked["language"],
    )


def accepted(lines: tuple[FleetLine, ...]) -> list[dict[str, Any]]:
    """An order was made, so every row is accepted."""
    return [{"row": line.row, "accepted": True, "errors": ()} for line in lines]
