"""For operators' programs: what fell out, by cause, and decisions about many at once."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.web.fields import Flag, Instant, OneOf, Shown, Strict, Whole, Word, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.selectors import fallen_out, fallout_clusters
from orchestration.services.fallout_bulk import (
    MOST_AT_ONCE,
    Consequence,
    Remedy,
    decide_all,
    foresee,
)

MOST_TASKS = 100


class FalloutQuery(Strict):
    """Of one cause, if it is given."""

    cause = serializers.CharField(max_length=60, required=False)


class ClusterSerializer(Shown):
    cause = serializers.CharField()
    action = serializers.CharField()
    count = serializers.IntegerField()


class FallenSerializer(Shown):
    """A task that waits for a decision since `since`."""

    id = serializers.IntegerField()
    order = serializers.CharField(source="order_number")
    bundle = serializers.CharField(source="group")
    action = serializers.CharField()
    cause = serializers.CharField()
    said = serializers.CharField(source="last_error")
    since = Instant(allow_null=True)


class FalloutSerializer(Shown):
    """`tasks` are the 100 oldest."""

    clusters = ClusterSerializer(many=True)
    tasks = FallenSerializer(many=True)


class DecisionAsked(Strict):
    """A dry run names a `cause`; a decision names the `tasks` that the dry run told."""

    remedy = OneOf(Remedy)
    dry_run = Flag()
    cause = Word(max_length=60, default="", allow_blank=True)
    action = Word(max_length=60, default="", allow_blank=True)
    tasks = serializers.ListField(
        child=Whole(min_value=1, max_value=2**53), max_length=MOST_AT_ONCE, default=list
    )
    note = Word(max_length=500, default="", allow_blank=True)


class ForeseenSerializer(Shown):
    """`next`: the tasks that can begin then; `problem` is a code where it stays."""

    id = serializers.IntegerField(source="task_id")
    order = serializers.CharField(source="order_number")
    bundle = serializers.CharField(source="group")
    task = serializers.CharField(source="key")
    action = serializers.CharField()
    cause = serializers.CharField()
    consequence = OneOf(Consequence)
    next = words()
    problem = serializers.CharField()


class DecisionsSerializer(Shown):
    items = ForeseenSerializer(many=True)


class FalloutView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(
        operation_id="listFallout", parameters=[FalloutQuery], responses=FalloutSerializer
    )
    def get(self, request: Request) -> Response:
        """Tasks that wait for a decision, counted by cause and action, and the oldest of them."""
        cause = self.query(FalloutQuery).get("cause", "")
        found = {
            "clusters": fallout_clusters(),
            "tasks": fallen_out(limit=MOST_TASKS, cause=cause),
        }
        return Response(FalloutSerializer(found).data)


class FalloutDecisionsView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(
        operation_id="decideFallout", request=DecisionAsked, responses=DecisionsSerializer
    )
    def post(self, request: Request) -> Response:
        """Retry, skip or complete many tasks; or, as a dry run, say of each what would happen."""
        asked, caller = self.body(DecisionAsked), caller_of(request)
        remedy = Remedy(asked["remedy"])
        if asked["dry_run"]:
            found = foresee(caller, remedy=remedy, cause=asked["cause"], action=asked["action"])
        else:
            found = decide_all(caller, remedy=remedy, task_ids=asked["tasks"], note=asked["note"])
        return Response(DecisionsSerializer({"items": found}).data)
