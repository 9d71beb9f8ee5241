"""Next best offers: what is proposed to a customer, why, and what it would cost."""

from datetime import date
from typing import Any

from babel.dates import format_date
from rest_framework import serializers

from catalogue.domain.model import Text
from commerce.ordering.api.serializers.journeys import DeltaSerializer, ReasonSerializer
from commerce.ordering.api.serializers.quotes import QuoteSerializer
from commerce.ordering.domain.next_offers import Lead, sentence
from commerce.ordering.services.links import lead_path
from commerce.ordering.services.next_offers import NextOfferView
from commerce.web.fields import MoneySerializer, Shown, Strict, Word, Wording


class LeadSerializer(Shown):
    """Where a yes leads: a step of a journey with what is chosen first; `url` is its page."""

    journey = serializers.CharField(source="entry")
    step = serializers.CharField()
    line = serializers.SerializerMethodField(help_text="The running line; null: not active yet")
    role = serializers.CharField(allow_blank=True)
    offering = serializers.CharField(allow_blank=True)
    url = serializers.SerializerMethodField()

    def get_line(self, lead: Lead) -> int | None:
        return lead.line or None

    def get_url(self, lead: Lead) -> str:
        return lead_path(lead)


class NextOfferSerializer(Shown):
    """`because` are the facts that the rule looked at; `change` is against what the line costs now
    at list prices, `saving` what promotions take off over the commitment. `standing` keeps it from
    being ordered."""

    id = serializers.IntegerField()
    rule = serializers.CharField(source="prepared.due.rule.code")
    version = serializers.IntegerField(source="prepared.due.rule.version")
    reason = serializers.CharField(source="prepared.due.rule.reason")
    because = serializers.DictField(source="prepared.due.because", child=serializers.CharField())
    name = Wording(source="prepared.due.rule.name")
    text = serializers.SerializerMethodField(help_text="For the customer")
    say = serializers.SerializerMethodField(help_text="For whoever speaks with the customer")
    promotion = serializers.CharField(
        source="prepared.due.rule.proposes.promotion", allow_null=True
    )
    until = serializers.DateTimeField()
    lead = LeadSerializer(source="prepared.lead")
    change = DeltaSerializer(source="prepared.change")
    saving = MoneySerializer(source="prepared.saving")
    standing = ReasonSerializer(source="prepared.standing", allow_null=True)
    quote = QuoteSerializer(source="prepared.quote")

    def get_text(self, offer: NextOfferView) -> str:
        return self._filled(offer, offer.prepared.due.rule.text)

    def get_say(self, offer: NextOfferView) -> str:
        return self._filled(offer, offer.prepared.due.rule.say)

    def _filled(self, offer: NextOfferView, template: Text) -> str:
        filled: Any = sentence(template, offer.prepared.values, day=_day)
        return Wording().to_representation(filled)


class NextOffersSerializer(Shown):
    items = NextOfferSerializer(many=True)


class AcceptedSerializer(Shown):
    lead = LeadSerializer()


class DeclineAsked(Strict):
    """Why not, in the customer's words or the agent's."""

    reason = Word(max_length=200, default="", allow_blank=True)


def _day(day: date, language: str) -> str:
    text: str = format_date(day, "d MMMM y", locale=language)
    return text
