"""What happened to a contract and what is to come, in sentences."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import get_language, gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.kernel.errors import Forbidden
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.ordering.api.views.changes import LARGEST_ID, OWNERS
from commerce.ordering.timeline import timeline_of
from commerce.web.fields import OneOf, Shown
from commerce.web.views import ApiView
from subscriptions.domain.timeline import Entry, Topic


class EntrySerializer(Shown):
    """`title` says what, `why` for which reason, in the request's language; `by` is empty of what
    nobody did but the machine, `at` null of what has only a day. `reference` is an order's or a
    bill's number."""

    on = serializers.DateField()
    at = serializers.DateTimeField(allow_null=True)
    topic = OneOf(Topic)
    title = serializers.SerializerMethodField()
    why = serializers.SerializerMethodField()
    by = serializers.CharField(allow_blank=True)
    channel = serializers.CharField(allow_blank=True)
    reference = serializers.CharField(allow_blank=True)
    coming = serializers.BooleanField()

    def get_title(self, entry: Entry) -> str:
        return _said(entry.title)

    def get_why(self, entry: Entry) -> str:
        return _said(entry.why) if entry.why is not None else ""


class TimelineSerializer(Shown):
    items = EntrySerializer(many=True)


class TimelineView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="getTimeline", responses=TimelineSerializer(many=False))
    def get(self, request: Request, subscription_id: int) -> Response:
        """The life of a contract: what happened and what is to come, the earliest first."""
        context = caller_of(request)
        if context.party_id is None:
            raise Forbidden("Begin a contact with a customer first.", code="no_contact")
        found = timeline_of(context.party_id, min(subscription_id, LARGEST_ID))
        return Response(TimelineSerializer({"items": found}).data)


def _said(sentence: Sentence) -> str:
    values = {name: _word(value) for name, value in sentence.values.items()}
    return gettext(sentence.pattern) % values if values else gettext(sentence.pattern)


def _word(value: Any) -> str:
    """Names by language, amounts like "4.99 EUR", days as 2027-02-23."""
    if isinstance(value, Money):
        return f"{value.rounded().amount:.2f} {value.currency}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        language = (get_language() or "en")[:2]
        return str(value.get(language) or next(iter(value.values()), ""))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_word, value))
    return str(value)
