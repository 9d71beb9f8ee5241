"""What is left of prices that are paid in parts, paid off before its days."""

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.accounts.kinds import Role
from commerce.kernel.errors import Forbidden
from commerce.payments.services.checkout import open_session
from commerce.web.fields import Shown, Strict
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created
from subscriptions.api.views import party_of
from subscriptions.collection.services import instalments

PAGE = "{base}/account/bills/{number}/?back=1"
PAGE_OF_FIRM = "{base}/portal/bills/{number}/?back=1"


class PayOffSessionSerializer(Shown):
    """The hosted page on which it is paid; card data never comes here."""

    url = serializers.URLField()


class InvoicePayOffView(ApiView):
    policy = (Policy.CUSTOMER, Policy.BUSINESS)
    tag = "Invoices"
    refusals = (503,)

    @idempotent
    @extend_schema(
        operation_id="payOffInvoice", request=Strict, responses={201: PayOffSessionSerializer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Open the hosted page for all that is left of an invoice that is paid in parts.

        Nothing falls due by asking: who does not pay there goes on as agreed. Viewers don't pay.
        """
        self.body(Strict)
        caller = caller_of(request)
        if caller.role is Role.VIEWER:
            raise Forbidden("A viewer can't pay.", code="viewer")
        page = PAGE_OF_FIRM if caller.membership_id is not None else PAGE
        key = instalments.pay_off(
            party_id=party_of(caller),
            number=number,
            label=_("All parts that are left of bill %(number)s") % {"number": number},
            back=page.format(base=settings.PUBLIC_URL, number=number),
        )
        url = open_session(key=key)
        return created(PayOffSessionSerializer({"url": url}).data, at=url)
