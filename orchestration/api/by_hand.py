"""For operators' programs: work that people do, and data that they replace."""

from enum import StrEnum

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.web.fields import Instant, OneOf, Shown, Strict, Word, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.boards import manual_tasks
from orchestration.services import correcting, manual


class HandAct(StrEnum):
    CLAIM = "claim"
    RELEASE = "release"
    COMPLETE = "complete"


class Value(Strict):
    name = Word(max_length=40)
    value = Word(max_length=120, allow_blank=True)


class HandAsked(Strict):
    """`values` are what the task asks for, when it is completed."""

    act = OneOf(HandAct)
    note = Word(max_length=500, default="", allow_blank=True)
    values = serializers.ListField(child=Value(), max_length=20, default=list)


class CorrectionAsked(Strict):
    values = serializers.ListField(child=Value(), min_length=1, max_length=20)
    note = Word(max_length=500, default="", allow_blank=True)


class ManualTaskSerializer(Shown):
    """`asks`: what is filled in when it is completed; `due`: when it is planned to be over."""

    id = serializers.IntegerField()
    order = serializers.CharField(source="order_number")
    bundle = serializers.CharField(source="group")
    task = serializers.CharField(source="key")
    action = serializers.CharField(allow_blank=True)
    asks = words()
    since = Instant(allow_null=True)
    due = Instant(allow_null=True)
    claimed_by = serializers.CharField(allow_blank=True)
    claimed_at = Instant(allow_null=True)


class ManualTasksSerializer(Shown):
    items = ManualTaskSerializer(many=True)


class ManualTasksView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(operation_id="listManualTasks", responses=ManualTasksSerializer)
    def get(self, request: Request) -> Response:
        """The 100 tasks to be done by hand that are due first, with who has taken them."""
        return Response(ManualTasksSerializer({"items": manual_tasks()}).data)


class ManualTaskView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(operation_id="actOnManualTask", request=HandAsked, responses={204: None})
    def post(self, request: Request, task: int) -> Response:
        """Take a task, leave it to others, or complete it with what it asks for."""
        asked, caller = self.body(HandAsked), caller_of(request)
        match HandAct(asked["act"]):
            case HandAct.CLAIM:
                manual.claim(caller, task_id=task)
            case HandAct.RELEASE:
                manual.release(caller, task_id=task)
            case HandAct.COMPLETE:
                facts = {each["name"]: each["value"] for each in asked["values"]}
                manual.complete(caller, task_id=task, note=asked["note"], facts=facts)
        return Response(status=204)


class CorrectionView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(operation_id="replaceAndRetry", request=CorrectionAsked, responses={204: None})
    def post(self, request: Request, task: int) -> Response:
        """Replace the data that a task fell out over, and ask its provider anew with them."""
        asked = self.body(CorrectionAsked)
        values = {each["name"]: each["value"] for each in asked["values"]}
        correcting.replace_and_retry(
            caller_of(request), task_id=task, values=values, note=asked["note"]
        )
        return Response(status=204)
