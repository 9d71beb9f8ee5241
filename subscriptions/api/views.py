"""The caller's contracts and bills. An agent sees those of the customer he speaks with."""

from typing import Any

from django.http import HttpResponse
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.errors import Forbidden
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from subscriptions.api.consumption import (
    ConsumptionSerializer,
    RecordsAsked,
    TakenSerializer,
    UsageRecordsAsked,
    UsageTakenSerializer,
    reports_of,
    usage_of,
)
from subscriptions.api.serializers import (
    BuyerCodesAsked,
    ExplanationSerializer,
    InvoiceDetailSerializer,
    InvoicesSerializer,
    PageQuery,
    SubscriptionSerializer,
    SubscriptionsSerializer,
    page,
)
from subscriptions.contracts.selectors import subscription_view, subscriptions_of
from subscriptions.contracts.services.booking import assign_codes
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.consumption import in_whole_units, usual
from subscriptions.invoicing.explaining import explanation
from subscriptions.invoicing.files import Form, invoice_file
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.usage.services.consumption import take_consumption
from subscriptions.usage.services.usage import take_usage
from subscriptions.usage.using import consumption_of, used_so_far

OWNERS = (Policy.CUSTOMER, Policy.BUSINESS, Policy.AGENT)
LARGEST_ID = 2**63 - 1


class SubscriptionsView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(
        operation_id="listSubscriptions",
        parameters=[PageQuery],
        responses=SubscriptionsSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """The caller's contracts, the latest first."""
        asked = self.query(PageQuery)
        found = subscriptions_of(party_of(caller_of(request)))
        return Response(SubscriptionsSerializer(page(found, asked=asked)).data)


class SubscriptionView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="getSubscription", responses=SubscriptionSerializer)
    def get(self, request: Request, subscription_id: int) -> Response:
        """One contract: its number, its SIM, what is included and until when it binds."""
        found = subscription_view(party_of(caller_of(request)), min(subscription_id, LARGEST_ID))
        return Response(SubscriptionSerializer(found).data)

    @extend_schema(
        operation_id="bookSubscription", request=BuyerCodesAsked, responses=SubscriptionSerializer
    )
    def patch(self, request: Request, subscription_id: int) -> Response:
        """Name another cost centre or purchase order of a firm's contract, without an order: its
        coming bills say so line by line, those that are issued stay as they are."""
        asked, caller = self.body(BuyerCodesAsked), caller_of(request)
        party_id = party_of(caller)
        found = subscription_view(party_id, min(subscription_id, LARGEST_ID))
        codes = BuyerCodes(
            asked.get("cost_centre", found.codes.cost_centre),
            asked.get("purchase_order_number", found.codes.purchase_order),
        )
        assign_codes(caller, codes={found.id: codes})
        return Response(SubscriptionSerializer(subscription_view(party_id, found.id)).data)


class ConsumptionView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="getConsumption", responses=ConsumptionSerializer)
    def get(self, request: Request, subscription_id: int) -> Response:
        """What the line used this month and in the twelve before, the oldest first.

        `so_far` says what this month costs by now beyond the plan. `usual` is what
        `POST /plan-simulations` takes; null while no full month is known.
        """
        party_id, today = party_of(caller_of(request)), business_today()
        line = subscription_view(party_id, min(subscription_id, LARGEST_ID)).id
        found = consumption_of(party_id, on=today, subscription_id=line).get(line, ())
        month = usual(found, on=today)
        return Response(
            ConsumptionSerializer(
                {
                    "items": found,
                    "so_far": used_so_far(party_id, on=today, subscription_id=line),
                    "usual": in_whole_units(month) if month else None,
                }
            ).data
        )


class ConsumptionReportsView(ApiView):
    """The same records may come as often as they like; no key is needed."""

    policy = (Policy.REPORTER, Policy.OPERATOR)
    scope = "consumption"
    tag = "Consumption"

    @extend_schema(
        operation_id="reportConsumption", request=RecordsAsked, responses={200: TakenSerializer}
    )
    def post(self, request: Request) -> Response:
        """Tell what lines used, all of it or nothing; for systems of the operator.

        A record is known by line, month and allowance. Counted later than what is known, it
        replaces it; the same again, or an older count, changes nothing.
        """
        done = take_consumption(reports_of(self.body(RecordsAsked)))
        return Response(TakenSerializer(done).data)


class UsageView(ApiView):
    """The same records may come as often as they like; no key is needed."""

    policy = (Policy.REPORTER, Policy.OPERATOR)
    scope = "consumption"
    tag = "Consumption"

    @extend_schema(
        operation_id="reportUsage",
        request=UsageRecordsAsked,
        responses={200: UsageTakenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Tell what lines used, record by record; for systems of the operator.

        A record is known by its `id` in the `source`: each counts once, in any order. One that can
        not be counted yet is kept and answered, and keeps no other out. What goes beyond a plan is
        billed when its month is over.
        """
        asked = self.body(UsageRecordsAsked)
        done = take_usage(usage_of(asked), source=asked["source"])
        return Response(UsageTakenSerializer(done).data)


class InvoicesView(ApiView):
    policy = OWNERS
    tag = "Invoices"

    @extend_schema(
        operation_id="listInvoices",
        parameters=[PageQuery],
        responses=InvoicesSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """The caller's issued invoices, the latest first."""
        asked = self.query(PageQuery)
        found = bills_of(party_of(caller_of(request)))
        return Response(InvoicesSerializer(page(found, asked=asked)).data)


class InvoiceView(ApiView):
    policy = OWNERS
    tag = "Invoices"

    @extend_schema(operation_id="getInvoice", responses=InvoiceDetailSerializer)
    def get(self, request: Request, number: str) -> Response:
        """One invoice, line by line, with what was promised for each."""
        return Response(
            InvoiceDetailSerializer(bill_view(party_of(caller_of(request)), number)).data
        )


class ExplanationView(ApiView):
    policy = OWNERS
    tag = "Invoices"

    @extend_schema(operation_id="explainInvoice", responses=ExplanationSerializer)
    def get(self, request: Request, number: str) -> Response:
        """Why an invoice differs from the month before, reason by reason, and from its promise."""
        found = explanation(party_of(caller_of(request)), number)
        return Response(ExplanationSerializer(found).data)


class _Whatever(DefaultContentNegotiation):
    """A file is what it is; only refusals are JSON."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class _InvoiceFileView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    content_negotiation_class = _Whatever
    form: Form

    def answer(self, request: Request, number: str) -> HttpResponse:
        found = invoice_file(
            party_of(caller_of(request)), number, form=self.form, language=get_language() or "fr"
        )
        return HttpResponse(
            found.content,
            content_type=found.kind,
            headers={"Content-Disposition": f'attachment; filename="{found.name}"'},
        )


class InvoicePdfView(_InvoiceFileView):
    form = Form.PDF

    @extend_schema(
        operation_id="getInvoicePdf", responses={(200, "application/pdf"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The invoice to read and to keep: PDF/A-3 in the request's language, with its XML inside
        (Factur-X)."""
        return self.answer(request, number)


class InvoiceXmlView(_InvoiceFileView):
    form = Form.XML

    @extend_schema(
        operation_id="getInvoiceXml", responses={(200, "application/xml"): OpenApiTypes.STR}
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The invoice for programs: Factur-X (CII) of the profile EN 16931."""
        return self.answer(request, number)


class InvoiceUblView(_InvoiceFileView):
    form = Form.UBL

    @extend_schema(
        operation_id="getInvoiceUbl", responses={(200, "application/xml"): OpenApiTypes.STR}
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The same content as UBL 2.1."""
        return self.answer(request, number)


def party_of(context: AccountContext) -> int:
    if context.party_id is None:
        raise Forbidden("Begin a contact with a customer first.", code="no_contact")
    return context.party_id
