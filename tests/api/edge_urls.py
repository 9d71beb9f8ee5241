"""Small API views that show what the edge does; only tests mount them."""

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce.accounts.models import Party
from commerce.kernel.errors import Conflict, NotFound, RuleViolated, Unknown
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy

ERRORS: dict[str, Exception] = {
    "rule": RuleViolated("The plan needs 5G.", code="needs_5g", field="plan", needs="5G"),
    "missing": NotFound("There is no such order."),
    "conflict": Conflict("Somebody was first."),
    "unknown": Unknown("The provider gave no answer."),
    "bug": ZeroDivisionError("ours"),
}


class Asked(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=10)
    lines = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=3)


class Things(APIView):
    policy = Policy.VISITOR

    @idempotent
    def post(self, request: Request) -> Response:
        asked = Asked(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["name"] in ERRORS:
            raise ERRORS[asked.validated_data["name"]]
        party = Party.objects.create(kind="person", display_name=asked.validated_data["name"])
        return Response({"id": party.pk}, status=201, headers={"Location": f"/{party.pk}"})


class Errors(APIView):
    policy = Policy.PUBLIC

    def get(self, request: Request, name: str) -> Response:
        raise ERRORS[name]


class Business(APIView):
    policy = Policy.BUSINESS

    def get(self, request: Request) -> Response:
        context: Any = request.auth
        return Response(
            {"party": context.party_id, "role": context.role, "actor": context.actor.name}
        )


class Undeclared(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


class ByMethod(APIView):
    policy = {"GET": Policy.PUBLIC, "POST": Policy.OPERATOR}

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("api/things", Things.as_view()),
    path("api/errors/<str:name>", Errors.as_view()),
    path("api/business", Business.as_view()),
    path("api/undeclared", Undeclared.as_view()),
    path("api/by-method", ByMethod.as_view()),
]
handler404 = "commerce.web.errors.not_found"
handler500 = "commerce.web.errors.server_error"
