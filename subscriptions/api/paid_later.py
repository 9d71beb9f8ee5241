"""What is free at first on a contract, and whether it goes on for money."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.web.fields import MoneySerializer, Shown, Strict, Wording
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from subscriptions.api.views import LARGEST_ID, OWNERS, party_of
from subscriptions.contracts.continuing import continuations_of
from subscriptions.contracts.selectors import subscription_view
from subscriptions.contracts.services.answering import answer_continuation


class ContinuationSerializer(Shown):
    """Free until `costs_on`, and then `amount` every `every_months`: it goes on from that day only
    if `agreed` is true by the end of `answer_by`."""

    item = serializers.IntegerField(source="item_id")
    name = Wording(source="names")
    costs_on = serializers.DateField()
    answer_by = serializers.DateField()
    amount = MoneySerializer()
    every_months = serializers.IntegerField(min_value=1)
    asked_at = serializers.DateTimeField(allow_null=True)
    agreed = serializers.BooleanField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    can_answer = serializers.BooleanField()


class ContinuationsSerializer(Shown):
    items = ContinuationSerializer(many=True)


class AnswerAsked(Strict):
    agreed = serializers.BooleanField()
    record = serializers.CharField(
        max_length=200,
        default="",
        allow_blank=True,
        help_text="Where a yes by phone is recorded; an agent's only",
    )


class ContinuationsView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="listPaidLater", responses=ContinuationsSerializer(many=False))
    def get(self, request: Request, subscription_id: int) -> Response:
        """What of a contract is free at first and needs an express yes before it costs."""
        party_id = party_of(caller_of(request))
        line = subscription_view(party_id, min(subscription_id, LARGEST_ID)).id
        return Response(ContinuationsSerializer({"items": continuations_of(party_id, line)}).data)


class ContinuationView(ApiView):
    policy = (Policy.CUSTOMER, Policy.AGENT)
    tag = "Subscriptions"

    @extend_schema(
        operation_id="answerPaidLater", request=AnswerAsked, responses={200: ContinuationSerializer}
    )
    def put(self, request: Request, subscription_id: int, item_id: int) -> Response:
        """Say whether something that is free is to go on for money; the latest answer counts."""
        context = caller_of(request)
        line, item = min(subscription_id, LARGEST_ID), min(item_id, LARGEST_ID)
        asked = self.body(AnswerAsked)
        answer_continuation(context, subscription_id=line, item_id=item, **asked)
        (found,) = (
            each for each in continuations_of(party_of(context), line) if each.item_id == item
        )
        return Response(ContinuationSerializer(found).data)
