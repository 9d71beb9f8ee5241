"""Who pays the caller's bills, whose bills he pays, and what is to pay of them."""

from datetime import date

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.kernel.errors import NotFound
from commerce.web.fields import Instant, MoneySerializer, OneOf, Shown, Strict
from commerce.web.views import ApiView
from subscriptions.accounts.payers import agreement_of, agreements_of
from subscriptions.accounts.services import payers
from subscriptions.api.views import LARGEST_ID, OWNERS, party_of
from subscriptions.collection.payables import payables_of, payables_on
from subscriptions.domain.states import AgreementState, InvoiceKind, Side


class PayerAgreementSerializer(Shown):
    """`side` is the caller's: `payer`, or `paid`. Bills issued from `from_on` on, and before
    `until_on`, are paid by the payer; `other` is empty as long as nobody has accepted."""

    id = serializers.IntegerField()
    side = OneOf(Side)
    state = OneOf(AgreementState)
    other = serializers.CharField(allow_blank=True)
    from_on = serializers.DateField(allow_null=True)
    until_on = serializers.DateField(allow_null=True)
    asked_at = Instant()
    expires_at = Instant(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class PayerAgreementsSerializer(Shown):
    items = PayerAgreementSerializer(many=True)


class PayerAsked(Strict):
    side = OneOf(
        Side,
        help_text="`payer`: to pay another's bills; `paid`: to have the caller's own paid",
    )


class PayerCodeSerializer(Shown):
    """`code` is what the other party accepts with; it is told once."""

    code = serializers.CharField()


class PayerAccepted(Strict):
    code = serializers.CharField(max_length=64)


class PayerEnded(Strict):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class PayableBillSerializer(Shown):
    """A bill, or a credit note, whose `gross` is below zero; `open` is still to pay."""

    number = serializers.CharField()
    kind = OneOf(InvoiceKind)
    due_on = serializers.DateField()
    gross = MoneySerializer()
    open = MoneySerializer()


class PayableAccountSerializer(Shown):
    """The bills of one buyer; `own` are the caller's."""

    name = serializers.CharField()
    own = serializers.BooleanField()
    bills = PayableBillSerializer(many=True)
    gross = MoneySerializer()
    open = MoneySerializer()


class PayablesSerializer(Shown):
    """What the caller has to pay of the bills issued on a day. One transfer with the `reference`
    (ISO 11649) pays all that is open of it. It is no invoice."""

    on = serializers.DateField()
    reference = serializers.CharField()
    accounts = PayableAccountSerializer(many=True)
    gross = MoneySerializer()
    open = MoneySerializer()


class PayablesListSerializer(Shown):
    items = PayablesSerializer(many=True)


class PayerAgreementsView(ApiView):
    policy = OWNERS
    tag = "Invoices"

    @extend_schema(
        operation_id="listPayerAgreements", responses=PayerAgreementsSerializer(many=False)
    )
    def get(self, request: Request) -> Response:
        """Who pays the caller's bills, and whose bills the caller pays: what holds, will, or can
        still be accepted."""
        found = agreements_of(party_of(caller_of(request)))
        return Response(PayerAgreementsSerializer({"items": found}).data)

    @extend_schema(
        operation_id="askForPayer", request=PayerAsked, responses={201: PayerCodeSerializer}
    )
    def post(self, request: Request) -> Response:
        """Ask for an agreement: whoever is given the code may accept it, for two weeks."""
        asked, caller = self.body(PayerAsked), caller_of(request)
        party_of(caller)
        code = payers.ask(caller, side=Side(asked["side"]))
        return Response(PayerCodeSerializer({"code": code}).data, status=201)


class PayerAcceptanceView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404, 422)

    @extend_schema(
        operation_id="acceptPayer",
        request=PayerAccepted,
        responses={200: PayerAgreementSerializer},
    )
    def post(self, request: Request) -> Response:
        """Accept what the code is for; it holds from the next bill day of who is paid on."""
        asked, caller = self.body(PayerAccepted), caller_of(request)
        party_id = party_of(caller)
        agreed = payers.accept(caller, code=asked["code"])
        return Response(PayerAgreementSerializer(agreement_of(party_id, agreed)).data)


class PayerRefusalView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404,)

    @extend_schema(operation_id="refusePayer", request=PayerAccepted, responses={204: None})
    def post(self, request: Request) -> Response:
        """Refuse what the code is for: it can't be accepted any more, and who asked is told."""
        asked, caller = self.body(PayerAccepted), caller_of(request)
        party_of(caller)
        payers.refuse(caller, code=asked["code"])
        return Response(status=204)


class PayerEndView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404,)

    @extend_schema(
        operation_id="endPayerAgreement",
        request=PayerEnded,
        responses={200: PayerAgreementSerializer},
    )
    def post(self, request: Request, agreement_id: int) -> Response:
        """End it with the next bill day of who is paid, or take back what nobody accepted."""
        asked, caller = self.body(PayerEnded), caller_of(request)
        party_id, agreement = party_of(caller), min(agreement_id, LARGEST_ID)
        payers.end(caller, agreement_id=agreement, reason=asked["reason"])
        return Response(PayerAgreementSerializer(agreement_of(party_id, agreement)).data)


class PayablesListView(ApiView):
    policy = OWNERS
    tag = "Invoices"

    @extend_schema(operation_id="listPayables", responses=PayablesListSerializer(many=False))
    def get(self, request: Request) -> Response:
        """What is to pay of others' bills and the caller's own, by day of issue, the latest
        first; two years at most."""
        found = payables_of(party_of(caller_of(request)))
        return Response(PayablesListSerializer({"items": found}).data)


class PayablesView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404,)

    @extend_schema(operation_id="getPayables", responses=PayablesSerializer(many=False))
    def get(self, request: Request, on: str) -> Response:
        """The statement of one day (YYYY-MM-DD)."""
        party_id = party_of(caller_of(request))
        return Response(PayablesSerializer(payables_on(party_id, _day(on))).data)


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise NotFound("There is no statement of this day.", code="unknown_payables") from None
