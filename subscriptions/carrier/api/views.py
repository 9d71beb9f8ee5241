"""The routes of CAMARA Carrier Billing 0.5 and Carrier Billing Refund 0.3, and a merchant's own
statements; they only translate.

They are described by CAMARA's own documents and one of ours in their manner
(`docs/carrier-billing-statements.yaml`), so they are not in our API's.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from django.utils.translation import get_language
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce.accounts.api.caller import caller_of
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.web.authentication import ApiClient
from commerce.web.fields import Moment
from commerce.web.policy import Policy
from commerce.web.tables import spooled
from commerce.web.views import ApiView
from subscriptions.carrier.api.errors import OF_CONFIRMING, OF_REFUNDS, Refusal, answer
from subscriptions.carrier.api.serializers import (
    REFUND_STATES,
    STATES,
    CreateRefundAsked,
    NumberAsked,
    PaymentAsked,
    ValidationAsked,
    purchase_of,
    refund_of,
    shown_payment,
    shown_prepared,
    shown_refund,
    shown_remaining,
)
from subscriptions.carrier.api.statement import CSV, JSON, shown_statement, texts_of
from subscriptions.carrier.payables import commission_file, statement_to, statements_to
from subscriptions.carrier.selectors import Found, Wanted, payment_of, payments_of, refunds_of
from subscriptions.carrier.selectors import refund_of as known_refund
from subscriptions.carrier.services import answering, confirming, purchasing, refunding
from subscriptions.invoicing.files import Form

CORRELATOR = "x-correlator"
_CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{0,256}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
MOST_A_PAGE = 100
LAST_PAGE = 100_000
CREATE = "carrier-billing:payments:create"
WRITE = "carrier-billing:payments:write"
READ = "carrier-billing:payments:read"
REFUND = "carrier-billing-refund:refunds:create"
READ_REFUNDS = "carrier-billing-refund:refunds:read"


class CamaraView(ApiView):
    """A program with a token, errors and the correlator as CAMARA has them."""

    policy = (Policy.MERCHANT,)
    authentication_classes = (ApiClient,)
    schema = None
    refusals: Mapping[str, Refusal] = {}
    scopes: Mapping[str, str] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF, after a look at the correlator."""
        if not _CORRELATOR.fullmatch(request.headers.get(CORRELATOR, "")):
            raise InvalidInput("x-correlator is malformed.", code="bad_correlator")
        self.scope = self.scopes.get(request.method or "", "")
        super().initial(request, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """All is JSON, whatever is accepted: CAMARA's documents know no 406."""
        return super().perform_content_negotiation(request, force=True)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The correlator goes back as it came."""
        done = super().finalize_response(request, response, *args, **kwargs)
        told = request.headers.get(CORRELATOR, "")
        if told and _CORRELATOR.fullmatch(told):
            done[CORRELATOR] = told
        return done

    def party(self, request: Request) -> int:
        """The merchant's."""
        found = caller_of(request).party_id
        assert found is not None
        return found


class UnknownView(CamaraView):
    """What has no address here is not found, in CAMARA's words."""

    def get(self, request: Request, **_: Any) -> Response:
        """Never found."""
        raise NotFound("There is nothing here.", code="unknown_payment")

    post = get

    def check_permissions(self, request: Request) -> None:
        """A merchant's, whatever his token is good for."""
        APIView.check_permissions(self, request)


class PaymentsView(CamaraView):
    scopes = {"POST": CREATE, "GET": READ}

    def post(self, request: Request) -> Response:
        """createPayment"""
        purchase = _purchase(self, request)
        made = purchasing.charge(party_id=self.party(request), purchase=purchase)
        return Response(shown_payment(made), status=201)

    def get(self, request: Request) -> Response:
        """retrievePayments"""
        wanted = _wanted(request, by="paymentCreationDate", states=("paymentStatus", STATES))
        found = payments_of(self.party(request), wanted)
        return _listed(found, [shown_payment(row) for row in found.rows], wanted)


class PrepareView(CamaraView):
    scopes = {"POST": CREATE}

    def post(self, request: Request) -> Response:
        """preparePayment"""
        purchase = _purchase(self, request)
        made = purchasing.prepare(party_id=self.party(request), purchase=purchase)
        return Response(shown_prepared(made), status=201)


class PaymentView(CamaraView):
    scopes = {"GET": READ}

    def get(self, request: Request, payment: str) -> Response:
        """retrievePayment"""
        return Response(shown_payment(payment_of(self.party(request), _payment(payment))))


class ValidateView(CamaraView):
    scopes = {"POST": WRITE}

    def post(self, request: Request, payment: str) -> Response:
        """validatePayment"""
        asked = self.body(ValidationAsked)
        answering.validate(
            party_id=self.party(request),
            payment_id=_payment(payment),
            authorization=asked["authorizationId"],
            code=asked["code"],
        )
        return Response(status=204)


class ConfirmView(CamaraView):
    scopes = {"POST": WRITE}
    refusals = OF_CONFIRMING

    def post(self, request: Request, payment: str) -> Response:
        """confirmPayment"""
        number = _number(self.body(NumberAsked))
        confirming.confirm(
            party_id=self.party(request), payment_id=_payment(payment), number=number
        )
        return Response(status=202)


class CancelView(CamaraView):
    scopes = {"POST": WRITE}

    def post(self, request: Request, payment: str) -> Response:
        """cancelPayment"""
        number = _number(self.body(NumberAsked))
        confirming.cancel(party_id=self.party(request), payment_id=_payment(payment), number=number)
        return Response(status=202)


class RefundsView(CamaraView):
    scopes = {"POST": REFUND, "GET": READ_REFUNDS}
    refusals = OF_REFUNDS

    def post(self, request: Request, payment: str) -> Response:
        """createRefund"""
        asked = refund_of(self.body(CreateRefundAsked))
        context = caller_of(request)
        made = refunding.refund_by_merchant(
            party_id=self.party(request),
            payment_id=_payment(payment),
            asked=asked,
            by=context.actor.name,
        )
        return Response(shown_refund(made), status=201)

    def get(self, request: Request, payment: str) -> Response:
        """retrieveRefunds"""
        row = payment_of(self.party(request), _payment(payment))
        wanted = _wanted(request, by="refundCreationDate", states=("refundStatus", REFUND_STATES))
        found = refunds_of(row, wanted)
        return _listed(found, [shown_refund(each) for each in found.rows], wanted)


class RefundView(CamaraView):
    scopes = {"GET": READ_REFUNDS}
    refusals = OF_REFUNDS

    def get(self, request: Request, payment: str, refund: str) -> Response:
        """retrieveRefund"""
        return Response(
            shown_refund(known_refund(self.party(request), _payment(payment), _refund(refund)))
        )


class RemainingView(CamaraView):
    scopes = {"GET": READ_REFUNDS}
    refusals = OF_REFUNDS

    def get(self, request: Request, payment: str) -> Response:
        """retrievePaymentRemainingAmount"""
        return Response(shown_remaining(payment_of(self.party(request), _payment(payment))))


class StatementsView(CamaraView):
    scopes = {"GET": READ}

    def get(self, request: Request) -> Response:
        """retrieveStatements"""
        return Response([shown_statement(each) for each in statements_to(self.party(request))])


class StatementView(CamaraView):
    scopes = {"GET": READ}

    def get(self, request: Request, month: str) -> HttpResponseBase:
        """retrieveStatement: the same bytes as long as it says the same, with their digest."""
        statement = statement_to(self.party(request), _month(month))
        wished = request._request.get_preferred_type(["application/json", "text/csv"])
        kind = CSV if wished == "text/csv" else JSON
        file, digest = spooled(texts_of(statement, kind=kind))
        tag = f'"{digest.hex()}"'
        headers = {
            "ETag": tag,
            "Repr-Digest": f"sha-256=:{b64encode(digest).decode()}:",
            "Cache-Control": "private, no-cache",
            "Vary": "Accept, Authorization",
        }
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or tag in [each.removeprefix("W/") for each in known]:
            file.close()
            return HttpResponse(status=304, headers=headers)
        name = f"{statement.code}-{month}.{'csv' if kind == CSV else 'json'}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return FileResponse(file, content_type=kind, headers=headers)


class CommissionView(CamaraView):
    scopes = {"GET": READ}

    def get(self, request: Request, month: str) -> HttpResponse:
        """retrieveCommissionInvoice: PDF with the XML inside (Factur-X), or that alone."""
        party = self.party(request)
        wished = request._request.get_preferred_type(["application/pdf", "application/xml"])
        found = commission_file(
            statement_to(party, _month(month)),
            party,
            form=Form.XML if wished == "application/xml" else Form.PDF,
            language=get_language() or "fr",
        )
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="{found.name}"',
            "Vary": "Accept, Accept-Language, Authorization",
        }
        return HttpResponse(found.content, content_type=found.kind, headers=headers)


def _month(told: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", told, re.ASCII) or told < "0001":
        raise InvalidInput("A month is written 2026-11.", code="bad_query")
    return date.fromisoformat(f"{told}-01")


def _payment(told: str) -> UUID:
    return _id(told, of="payment")


def _refund(told: str) -> UUID:
    return _id(told, of="refund")


def _id(told: str, *, of: str) -> UUID:
    """What is no id of ours names nothing."""
    if not _ID.fullmatch(told):
        raise NotFound(f"There is no such {of}.", code=f"unknown_{of}")
    return UUID(told)


def _purchase(view: CamaraView, request: Request) -> purchasing.Purchase:
    asked = view.body(PaymentAsked)
    _number(asked["amountTransaction"])
    return purchase_of(asked)


def _number(asked: Mapping[str, Any]) -> str:
    """Our tokens name no line, so the request does."""
    if not asked.get("phoneNumber"):
        raise RuleViolated("Name the line.", code="missing_number")
    return str(asked["phoneNumber"])


def _wanted(request: Request, *, by: str, states: tuple[str, tuple[str, ...]]) -> Wanted:
    query = request.query_params
    name, known = states
    chosen = [each for told in query.getlist(name) for each in told.split(",") if each]
    order = query.get("order", "desc")
    if not set(chosen) <= set(known) or order not in ("asc", "desc"):
        raise InvalidInput("There is no such status, or no such order.", code="bad_query")
    merchant = query.get("merchantIdentifier", "")[:80]
    if "\0" in merchant:
        raise InvalidInput("That is no merchant's name.", code="bad_query")
    since, until = _moment(query.get(f"{by}.gte")), _moment(query.get(f"{by}.lte"))
    if since is not None and since > (until or business_now()):
        raise InvalidInput("The end comes before the beginning.", code="bad_range")
    return Wanted(
        page=_whole(query.get("page", "1"), most=LAST_PAGE),
        per_page=_whole(query.get("perPage", "10"), most=MOST_A_PAGE),
        since=since,
        until=until,
        newest_first=order == "desc",
        states=frozenset(chosen),
        merchant=merchant,
    )


def _moment(told: str | None) -> Any:
    return None if told is None else Moment().run_validation(told)


def _whole(told: str, *, most: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,12}", told, re.ASCII):
        raise InvalidInput("That is not a whole number.", code="bad_query")
    if not 1 <= int(told) <= most:
        raise InvalidInput(f"From 1 to {most}.", code="out_of_range")
    return int(told)


def _listed(found: Found[Any], shown: list[dict[str, Any]], wanted: Wanted) -> Response:
    last = (wanted.page - 1) * wanted.per_page + len(shown)
    return Response(
        shown, headers={"X-Total-Count": str(found.count), "Content-Last-Key": str(last)}
    )
