"""Who the API takes the caller for."""

from dataclasses import dataclass

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.domain.model import Segment
from commerce.accounts import selectors as accounts
from commerce.accounts.api.caller import caller_of
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel, PartyKind, Role
from commerce.kernel.money import Money
from commerce.ordering.api.offers import segment_of
from commerce.web.fields import MoneySerializer, OneOf, Shown
from commerce.web.policy import Policy
from commerce.web.views import ApiView


@dataclass(frozen=True, slots=True)
class Self:
    """The caller, the party that he acts for, and what he may order by himself."""

    context: AccountContext
    segment: str
    party: accounts.PartyFacts | None
    limit: Money | None


class PlaceSerializer(Shown):
    """A delivery address; a site of an organisation has a label."""

    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    siret = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    line1 = serializers.CharField()
    line2 = serializers.CharField(allow_blank=True)
    postcode = serializers.CharField()
    city = serializers.CharField()
    country = serializers.CharField()


class PartySerializer(Shown):
    kind = OneOf(PartyKind, source="kind.value")
    name = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)
    language = serializers.CharField()
    addresses = PlaceSerializer(many=True)


class MeSerializer(Shown):
    """`limit` is what a member may order by himself, without tax; null: no limit applies."""

    actor = serializers.CharField(source="context.actor.name")
    role = OneOf(Role, source="context.role.value")
    channel = OneOf(Channel, source="context.channel.value")
    segment = OneOf(Segment)
    party = PartySerializer(allow_null=True)
    limit = MoneySerializer(allow_null=True)


class MeView(ApiView):
    policy = Policy.VISITOR
    scope = "catalogue"
    tag = "Caller"

    @extend_schema(operation_id="getMe", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who the caller is taken for; a browser gets the cookie `csrftoken` for its POSTs."""
        get_token(request._request)
        return Response(MeSerializer(_self(caller_of(request))).data)


def _self(context: AccountContext) -> Self:
    party = accounts.party(context.party_id) if context.party_id is not None else None
    member = context.membership_id
    limit = accounts.limit_of(member) if member is not None else None
    return Self(context, segment_of(context).value, party, limit)
