"""Where a firm's programs hear of events, and what was sent to them."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.accounts.services.webhooks import owner_of_webhooks
from commerce.events.models import EndpointState, WebhookState
from commerce.events.webhooks import endpoints, selectors
from commerce.web.fields import Instant, Moment, OneOf, Shown, Strict, Word, words
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created


class EndpointAsked(Strict):
    """`types` are names of events; none: all that one may hear of but what
    is told on request only (`task.state_changed`)."""

    url = Word(max_length=500)
    name = Word(max_length=100, default="", allow_blank=True)
    types = serializers.ListField(child=Word(max_length=80), max_length=60, default=list)


class ReplayAsked(Strict):
    """What happened from `since` to before `until`, by business time."""

    since = Moment()
    until = Moment()
    type = Word(max_length=80, default="", allow_blank=True)


class EndpointSerializer(Shown):
    """`waiting`: messages that are still to arrive; `failing_since`: it has answered nothing well
    since; `old_secret_until`: until then a message is signed with the secret before, too."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    types = words()
    state = OneOf(EndpointState)
    waiting = serializers.IntegerField()
    failing_since = Instant(allow_null=True)
    old_secret_until = Instant(allow_null=True, source="old_until")
    created_at = Instant()
    created_by = serializers.CharField(allow_blank=True)


class EndpointsSerializer(Shown):
    """`types`: every event that the caller may hear of."""

    items = EndpointSerializer(many=True)
    types = words()


class SecretSerializer(Shown):
    """The secret is told once: null where the request is repeated under its `Idempotency-Key`."""

    id = serializers.UUIDField()
    secret = serializers.CharField(allow_null=True)


class AttemptSerializer(Shown):
    """`status` is null where nothing came back; `said` then says why."""

    at = Instant()
    status = serializers.IntegerField(allow_null=True)
    said = serializers.CharField(allow_blank=True)


class MessageSerializer(Shown):
    """`webhook_id` is the header that it went out with, at every try."""

    id = serializers.UUIDField()
    webhook_id = serializers.CharField()
    type = serializers.CharField()
    state = OneOf(WebhookState)
    occurred_at = Instant()
    next_at = Instant(allow_null=True)
    attempts = AttemptSerializer(many=True)


class MessagesSerializer(Shown):
    items = MessageSerializer(many=True)


class MessageIdSerializer(Shown):
    """As in the log."""

    message = serializers.UUIDField()


class ReplayedSerializer(Shown):
    messages = serializers.IntegerField()


class WebhookView(ApiView):
    """What all of them share: whose endpoints they are."""

    policy: Any = (Policy.BUSINESS, Policy.OPERATOR)
    tag = "Webhooks"

    def owner(self, request: Request, *, manage: bool = True) -> int | None:
        return owner_of_webhooks(caller_of(request), manage=manage)

    def shown(self, owner: int | None, endpoint: UUID) -> Response:
        found = selectors.endpoint_of(owner, endpoint_id=endpoint)
        return Response(EndpointSerializer(found).data)


class EndpointsView(WebhookView):
    told_once = ("secret",)

    @extend_schema(operation_id="listWebhookEndpoints", responses=EndpointsSerializer)
    def get(self, request: Request) -> Response:
        """The caller's endpoints, and the events that one may subscribe to."""
        owner = self.owner(request, manage=False)
        found = {
            "items": selectors.endpoints_of(owner),
            "types": endpoints.types_for(party_id=owner),
        }
        return Response(EndpointsSerializer(found).data)

    @idempotent
    @extend_schema(
        operation_id="addWebhookEndpoint",
        request=EndpointAsked,
        responses={201: SecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Have events sent to an address, from now on; its secret is told here only."""
        asked = self.body(EndpointAsked)
        made, secret = endpoints.register(
            party_id=self.owner(request), by=caller_of(request).actor.name, **_wanted(asked)
        )
        told = SecretSerializer({"id": made, "secret": secret}).data
        return created(told, at=f"{request.path}/{made}")


class EndpointView(WebhookView):
    @extend_schema(operation_id="getWebhookEndpoint", responses=EndpointSerializer)
    def get(self, request: Request, endpoint: UUID) -> Response:
        """One endpoint and how it does."""
        return self.shown(self.owner(request, manage=False), endpoint)

    @extend_schema(
        operation_id="changeWebhookEndpoint", request=EndpointAsked, responses=EndpointSerializer
    )
    def put(self, request: Request, endpoint: UUID) -> Response:
        """Another address, other events or another name."""
        owner, asked = self.owner(request), self.body(EndpointAsked)
        endpoints.change(party_id=owner, endpoint_id=endpoint, **_wanted(asked))
        return self.shown(owner, endpoint)

    @extend_schema(operation_id="removeWebhookEndpoint", responses={204: None})
    def delete(self, request: Request, endpoint: UUID) -> Response:
        """Remove the endpoint and its log."""
        endpoints.remove(party_id=self.owner(request), endpoint_id=endpoint)
        return Response(status=204)


class SecretView(WebhookView):
    told_once = ("secret",)

    @idempotent
    @extend_schema(
        operation_id="rotateWebhookSecret", request=Strict, responses={201: SecretSerializer}
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        """A new secret; messages carry a signature of the one before, too, for 24 hours."""
        secret = endpoints.rotate(party_id=self.owner(request), endpoint_id=endpoint)
        return Response(SecretSerializer({"id": endpoint, "secret": secret}).data, status=201)


class PauseView(WebhookView):
    @extend_schema(
        operation_id="pauseWebhookEndpoint", request=Strict, responses=EndpointSerializer
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Send nothing more to it until it is resumed."""
        owner = self.owner(request)
        endpoints.pause(party_id=owner, endpoint_id=endpoint)
        return self.shown(owner, endpoint)


class ResumeView(WebhookView):
    @extend_schema(
        operation_id="resumeWebhookEndpoint", request=Strict, responses=EndpointSerializer
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Send to it again; what happened meanwhile is told by a replay."""
        owner = self.owner(request)
        endpoints.resume(party_id=owner, endpoint_id=endpoint)
        return self.shown(owner, endpoint)


class TestsView(WebhookView):
    @idempotent
    @extend_schema(
        operation_id="testWebhookEndpoint", request=Strict, responses={202: MessageIdSerializer}
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Send it a `webhook.test`, whatever it asked to hear of; it stands in the log."""
        message = endpoints.send_test(
            party_id=self.owner(request), endpoint_id=endpoint, by=caller_of(request).actor.name
        )
        return Response(MessageIdSerializer({"message": message}).data, status=202)


class MessagesView(WebhookView):
    @extend_schema(operation_id="listWebhookMessages", responses=MessagesSerializer)
    def get(self, request: Request, endpoint: UUID) -> Response:
        """The last 50 messages to an endpoint, each with every try and its answer."""
        owner = self.owner(request, manage=False)
        found = selectors.messages_of(owner, endpoint_id=endpoint)
        return Response(MessagesSerializer({"items": found}).data)


class SendAgainView(WebhookView):
    @extend_schema(
        operation_id="sendWebhookMessageAgain", request=Strict, responses={202: ReplayedSerializer}
    )
    def post(self, request: Request, endpoint: UUID, message: UUID) -> Response:
        """Send one message anew, under its own id."""
        endpoints.send_again(party_id=self.owner(request), endpoint_id=endpoint, message_id=message)
        return Response(ReplayedSerializer({"messages": 1}).data, status=202)


class ReplaysView(WebhookView):
    @idempotent
    @extend_schema(
        operation_id="replayWebhooks", request=ReplayAsked, responses={202: ReplayedSerializer}
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Tell again what happened in a time, 5,000 messages at most.

        What was told before goes out under its own id, so that a receiver that has it knows.
        """
        asked = self.body(ReplayAsked)
        count = endpoints.replay(
            party_id=self.owner(request),
            endpoint_id=endpoint,
            since=asked["since"],
            until=asked["until"],
            type_=asked["type"],
        )
        return Response(ReplayedSerializer({"messages": count}).data, status=202)


def _wanted(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("url", "types", "name")}
