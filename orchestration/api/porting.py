"""A number that comes along, for the owner of the order: where it is, and what can be done."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.domain.numbering import SLOTS
from commerce.ordering.selectors import order_view
from commerce.web.fields import Day, Instant, MoneySerializer, OneOf, Shown, Strict, Word, language
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.domain.porting import PortState
from orchestration.porting import changing
from orchestration.porting.selectors import PortingView, port_in_of, port_ins_of


class PortDayAsked(Strict):
    """A working day, until 20:00 on the eve of the day that is planned."""

    port_on = Day()
    slot = OneOf(SLOTS, default=SLOTS[0])


class PortCorrectionAsked(Strict):
    """After a refusal or a failure: the same or other data, and perhaps another day."""

    msisdn = Word(max_length=20)
    rio = Word(max_length=20)
    port_on = Day(required=False)
    slot = OneOf(SLOTS, default=SLOTS[0])


class PortRedirectionAsked(Strict):
    to = Word(max_length=20, help_text="Where calls go while the number moves")


class PortMotiveSerializer(Shown):
    """Why it was refused, and what the customer does next, in the caller's language."""

    code = serializers.CharField()
    text = serializers.CharField()
    next_step = serializers.CharField()


class PortInSerializer(Shown):
    """`day` is the wished one until `window_begins` is known. `asked` is the request to the
    clearing house whose answer is awaited; `refused` the last one if it was refused."""

    line = serializers.CharField(source="line_id")
    msisdn = serializers.CharField()
    state = OneOf(PortState)
    motive = PortMotiveSerializer(allow_null=True)
    detail = serializers.CharField()
    day = serializers.DateField(allow_null=True)
    slot = serializers.CharField()
    window_begins = Instant(allow_null=True)
    window_ends = Instant(allow_null=True)
    cut_off = Instant(allow_null=True)
    redirected_to = serializers.CharField()
    days_late = serializers.IntegerField()
    owed = MoneySerializer()
    can_correct = serializers.BooleanField()
    can_move = serializers.BooleanField()
    can_cancel = serializers.BooleanField()
    can_redirect = serializers.BooleanField()
    asked = serializers.CharField()
    refused = serializers.CharField()


class PortInsSerializer(Shown):
    items = PortInSerializer(many=True)


class PortInsView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(operation_id="listPortIns", responses=PortInsSerializer)
    def get(self, request: Request, number: str) -> Response:
        """The numbers that come with an order: where each is, and what can be done about it."""
        found = order_view(caller_of(request), number=number).summary.number
        items = [_shown(view) for view in port_ins_of(found)]
        return Response(PortInsSerializer({"items": items}).data)


class PortDayView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(operation_id="movePortIn", request=PortDayAsked, responses=PortInSerializer)
    def post(self, request: Request, number: str, line: str) -> Response:
        """Ask for another day; the clearing house tells which one holds."""
        asked = self.body(PortDayAsked)
        changing.change_day(
            caller_of(request),
            number=number,
            line_id=line,
            port_on=asked["port_on"],
            slot=asked["slot"],
        )
        return _answered(request, number=number, line=line)


class PortCorrectionView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="correctPortIn", request=PortCorrectionAsked, responses=PortInSerializer
    )
    def post(self, request: Request, number: str, line: str) -> Response:
        """Send a refused or failed request again, with the right RIO, number or day."""
        asked = self.body(PortCorrectionAsked)
        changing.correct(
            caller_of(request),
            number=number,
            line_id=line,
            msisdn=asked["msisdn"],
            rio=asked["rio"],
            port_on=asked.get("port_on"),
            slot=asked["slot"],
        )
        return _answered(request, number=number, line=line)


class PortCancellationView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(operation_id="cancelPortIn", request=None, responses=PortInSerializer)
    def post(self, request: Request, number: str, line: str) -> Response:
        """Leave the number where it is; the line gets a new one."""
        changing.cancel(caller_of(request), number=number, line_id=line)
        return _answered(request, number=number, line=line)


class PortRedirectionView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="redirectPortIn", request=PortRedirectionAsked, responses=PortInSerializer
    )
    def post(self, request: Request, number: str, line: str) -> Response:
        """Lead calls elsewhere while the number moves, where its present operator offers that."""
        to = self.body(PortRedirectionAsked)["to"]
        changing.redirect_calls(caller_of(request), number=number, line_id=line, to=to)
        return _answered(request, number=number, line=line)


def _answered(request: Request, *, number: str, line: str) -> Response:
    found = order_view(caller_of(request), number=number).summary.number
    return Response(PortInSerializer(_shown(port_in_of(found, line))).data)


def _shown(view: PortingView) -> dict[str, object]:
    spoken = language()
    motive = view.motive and {
        "code": view.motive.code,
        "text": view.motive.text[spoken],
        "next_step": view.motive.next_step[spoken],
    }
    begins, ends = view.window or (None, None)
    return {
        "line_id": view.line_id,
        "msisdn": view.msisdn,
        "state": view.state.value,
        "motive": motive,
        "detail": view.detail,
        "day": view.day,
        "slot": view.slot,
        "window_begins": begins,
        "window_ends": ends,
        "cut_off": view.cut_off,
        "redirected_to": view.redirect_to,
        "days_late": view.days_late,
        "owed": view.owed,
        "can_correct": view.can_correct,
        "can_move": view.can_move,
        "can_cancel": view.can_cancel,
        "can_redirect": view.can_redirect,
        "asked": view.asked,
        "refused": view.refused_call,
    }
