"""Single-use codes, for those who manage the catalogue."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from promotions.api.serializers import (
    BatchAsked,
    BatchesSerializer,
    BatchQuery,
    BatchSerializer,
)
from promotions.selectors import batches
from promotions.services.batches import csv_of, export_batch, make_batch

LARGEST_ID = 2**63 - 1


class BatchesView(ApiView):
    policy = Policy.CATALOGUE
    tag = "Promotions"

    @extend_schema(
        operation_id="listCodeBatches",
        parameters=[BatchQuery],
        responses=BatchesSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """The batches of single-use codes, the latest first (200 at most)."""
        found = batches(promotion=self.query(BatchQuery)["promotion"])
        return Response(BatchesSerializer({"batches": found}).data)

    @idempotent
    @extend_schema(
        operation_id="makeCodeBatch", request=BatchAsked, responses={201: BatchSerializer}
    )
    def post(self, request: Request) -> Response:
        """Make codes for a promotion, a hundred thousand in seconds."""
        asked = self.body(BatchAsked)
        made = make_batch(
            promotion=asked["promotion"],
            name=asked["name"],
            count=asked["count"],
            last_day=asked.get("last_day"),
            by=caller_of(request).actor.name,
        )
        return Response(BatchSerializer(made).data, status=201)


class BatchExportView(ApiView):
    policy = Policy.CATALOGUE
    tag = "Promotions"

    @extend_schema(
        operation_id="exportCodeBatch",
        request=None,
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "One column: code")},
    )
    def post(self, request: Request, batch: int) -> HttpResponse:
        """The codes as a file. Once: afterwards they exist nowhere here any more."""
        codes = export_batch(min(batch, LARGEST_ID), by=caller_of(request).actor.name)
        answer = HttpResponse(csv_of(codes), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="codes-{batch}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer
