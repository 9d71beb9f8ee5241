"""How the API describes itself: exact requests, one problem document for every refusal."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_object_type
from drf_spectacular.utils import Direction, OpenApiParameter
from pydantic import TypeAdapter

from commerce.events.registry import ToldOutside, told_outside
from commerce.web.idempotency import HEADER, LONGEST_KEY
from commerce.web.policy import OPEN, declared_by
from commerce.web.problems import MEDIA_TYPE

Schema = dict[str, Any]
PROBLEM = {"$ref": "#/components/responses/Problem"}
REASONS = {
    400: "A value is malformed or out of bounds; `errors` names it.",
    401: "The access token is missing, unknown or expired.",
    403: "The caller is known and may not do this.",
    404: "Nothing of that name within what the caller may see.",
    406: "Answers are JSON only.",
    409: "Somebody was first, or the same key is still in progress.",
    413: "The body is too large.",
    415: "Bodies of that type are not read here.",
    422: "Understood, and refused by a rule of the business; `code` names it.",
    503: "A provider gave no answer; try again after `Retry-After` seconds.",
}


class ApiSchema(AutoSchema):
    """Adds what all operations share: the idempotency key, refusals, who may call."""

    def get_override_parameters(self) -> list[Any]:
        """The key, on operations that create."""
        if not getattr(self._method(), "takes_idempotency_key", False):
            return []
        return [
            OpenApiParameter(
                HEADER,
                {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
                OpenApiParameter.HEADER,
                description="The same key with the same body is carried out once; kept 24 hours.",
            )
        ]

    def get_operation(self, *args: Any, **kwargs: Any) -> Schema | None:
        operation: Schema | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self._refusals(operation):
                operation["responses"].setdefault(str(status), PROBLEM)
        return operation

    def get_auth(self) -> list[Schema]:
        """Open routes work without any."""
        auths: list[Schema] = super().get_auth()
        if OPEN.intersection(declared_by(self.view, method=self.method)):
            auths.append({})
        return auths

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", "Other")]

    def get_summary(self) -> str | None:
        """The first sentence of the method's docstring."""
        told: str = self.get_description()
        return told.strip().split("\n")[0].rstrip(".") or None

    def _method(self) -> Any:
        return getattr(self.view, self.method.lower(), None)

    def _refusals(self, operation: Schema) -> list[int]:
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        statuses = {401, 403, 406, *getattr(self.view, "refusals", ())}
        if places:
            statuses.add(400)
        if "path" in places:
            statuses.add(404)
        if self.method != "GET":
            statuses |= {400, 404, 409, 413, 415, 422}
        return sorted(statuses)


class StrictRequests(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A strict serializer takes no other members than those it names."""

    target_class = "commerce.web.fields.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Direction) -> Schema:
        schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        schema["additionalProperties"] = False
        return schema


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """OAuth2 client credentials."""

    target_class = "commerce.web.authentication.ApiClient"
    name = "oauth2"

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]]:
        return {self.name: [getattr(auto_schema.view, "scope", "orders")]}

    def get_security_definition(self, auto_schema: Any) -> Schema:
        return {
            "type": "oauth2",
            "description": "A program of one member of an organisation, or a system of the "
            "operator.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/oauth/token/",
                    "scopes": {
                        "catalogue": "Read offers",
                        "orders": "Quote, order and approve",
                        "consumption": "Report what lines used (systems of the operator)",
                    },
                }
            },
        }


class Cookie(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A browser's session; every unsafe request needs the CSRF token too."""

    target_class = "commerce.web.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Send `X-CSRFToken` with the value of the cookie `csrftoken`, "
            "which `GET /api/v1/me` sets.",
        }


def webhooks(result: Schema, generator: Any, **_: Any) -> Schema:
    """drf-spectacular's last step: what we send to the endpoints of others, event by event."""
    result["webhooks"] = {
        told.name: {"post": _webhook(told)}
        for told in sorted(told_outside().values(), key=lambda told: told.name)
    }
    return result


def _webhook(told: ToldOutside) -> Schema:
    data: Schema = TypeAdapter(told.event).json_schema(ref_template="#/components/schemas/{model}")
    body = build_object_type(
        {
            "type": {"type": "string", "const": told.name},
            "timestamp": {"type": "string", "format": "date-time", "description": "business time"},
            "data": data,
        },
        required=["type", "timestamp", "data"],
    )
    whom = "" if told.to_party else " Told to the operator's own systems and partners only."
    return {
        "operationId": told.event.__name__,
        "tags": ["Webhooks"],
        "summary": told.name,
        "description": " ".join((told.event.__doc__ or "").split()) + whom,
        "parameters": [_header(name) for name in ("id", "timestamp", "signature")],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body}},
        },
        "responses": {"2XX": {"description": "Taken. Anything else is sent again later."}},
    }


def _header(name: str) -> Schema:
    """One of the headers of Standard Webhooks."""
    return {
        "name": f"webhook-{name}",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
    }


def problem_component(result: Schema, generator: Any, **_: Any) -> Schema:
    """drf-spectacular's last step: the one refusal that every operation refers to."""
    text: Schema = {"type": "string"}
    error = build_object_type(
        {"field": text, "code": text, "message": text}, required=["field", "code", "message"]
    )
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = {
        **build_object_type(
            {
                "type": {"type": "string", "format": "uri"},
                "title": text,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "code": {**text, "description": "For machines; never changes."},
                "detail": {**text, "description": "A sentence in the request's language."},
                "errors": {"type": "array", "items": error},
                "trace_id": text,
                "values": {
                    "type": "object",
                    "additionalProperties": True,
                    "description": "What the code speaks of: the new total, the rule, the line.",
                },
            },
            required=["type", "title", "status", "code", "detail", "errors", "trace_id"],
        ),
        "description": "RFC 9457. "
        + " ".join(f"{status}: {reason}" for status, reason in REASONS.items()),
        "examples": [
            {
                "type": "urn:faisceau:problem:price_changed",
                "title": "Refused by a rule",
                "status": 422,
                "code": "price_changed",
                "detail": "The price has changed since you saw it. Nothing was ordered; "
                "please look at it again.",
                "errors": [],
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                "values": {"expected": "129.00 EUR", "total": "119.00 EUR"},
            }
        ],
    }
    components.setdefault("responses", {})["Problem"] = {
        "description": "Refused; nothing was changed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return result
