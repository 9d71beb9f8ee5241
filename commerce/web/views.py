"""What every view of the API shares: the caller, and requests read by strict serializers."""

from typing import Any, TypeVar

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from commerce.web.authentication import SCOPES

S = TypeVar("S", bound=BaseSerializer[Any])


class ApiView(APIView):
    """A view that only translates. `scope` is what an access token must be good for."""

    scope = "orders"

    def check_permissions(self, request: Request) -> None:
        """The declared policy, then the scope of the token, if the caller has one."""
        super().check_permissions(request)
        granted = getattr(request._request, SCOPES, None)
        if granted is not None and self.scope not in granted:
            raise PermissionDenied(
                f"The access token needs the scope {self.scope!r}.", code="insufficient_scope"
            )

    def body(self, kind: type[S]) -> dict[str, Any]:
        """The validated body. Raises DRF's ValidationError, which names each wrong field."""
        return _valid(kind(data=self.request.data))

    def query(self, kind: type[S]) -> dict[str, Any]:
        """The validated query; a parameter that is given twice counts once, with its last value."""
        return _valid(kind(data=self.request.query_params.dict()))


def _valid(asked: BaseSerializer[Any]) -> dict[str, Any]:
    asked.is_valid(raise_exception=True)
    validated: dict[str, Any] = asked.validated_data
    return validated


def created(data: Any, *, at: str) -> Response:
    """201 with the address of what is new."""
    return Response(data, status=201, headers={"Location": at})
