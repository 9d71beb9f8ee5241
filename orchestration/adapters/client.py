"""HTTP to a provider: keys, traces and the two errors."""

import base64
import hmac
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from commerce.kernel.errors import Refused, Unknown
from commerce.kernel.trace import traceparent
from orchestration.ports import Answer, Found, ProviderEvent, Standing, TakeBack

calls = logging.getLogger("faisceau.calls")


@lru_cache(maxsize=1)
def _http() -> httpx.Client:
    return httpx.Client(
        base_url=settings.PROVIDERS_URL,
        timeout=settings.PROVIDER_TIMEOUT_SECONDS,
        headers={"Authorization": f"Bearer {settings.PROVIDERS_API_KEY}"},
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
    )


def callback_secret(provider: str) -> str:
    """What `provider` alone signs his callbacks with: made of the common secret, which stays with
    us (`manage.py callback_secret`)."""
    common = base64.b64decode(settings.PROVIDERS_CALLBACK_SECRET.removeprefix("whsec_"))
    own = hmac.digest(common, f"callbacks:{provider}".encode(), "sha256")
    return f"whsec_{base64.b64encode(own).decode()}"


class HttpProvider:
    """One provider of docs/providers.md, by its path prefix."""

    prefix = ""

    def post(self, path: str, *, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """POST once under `key`.

        Raises:
            Refused: any 4xx but a time-out; `code` is the provider's.
            Unknown: no answer, or none of the protocol (5xx, a redirect, no JSON object): the
                effect may have happened.
        """
        return self._answer("POST", path, key=key, json=dict(body))

    def take_back(
        self, path: str, *, name: str, request: TakeBack, key: str, **body: Any
    ) -> Answer:
        """POST to `path` of what the provider made of an earlier request, whose id is the fact
        `name` of his answer; `path` has a place for the `id`. Nothing if he made nothing of it."""
        known = request.id or self.made_of(request.of, name=name)
        if not known:
            return Answer({"nothing": "never_arrived"})
        return Answer(self.post(path.format(id=quote(known, safe="")), body=body, key=key))

    def made_of(self, key: str, *, name: str) -> str:
        """The id of what the provider made of the request `key`; empty if nothing."""
        found = self.find(key)
        return str(found.answer.get(name, "")) if found.standing is Standing.ACCEPTED else ""

    def patch(self, path: str, *, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """As `post`, for what is there already."""
        return self._answer("PATCH", path, key=key, json=dict(body))

    def get(self, path: str) -> dict[str, Any]:
        """A question about something else than a request. Raises as `post`."""
        return self._answer("GET", path)

    def held(self, what: str) -> Iterator[dict[str, Any]]:
        """His own list of what has not ended, page after page. Raises as `post`."""
        place: int | None = 0
        while place is not None:
            told = self.get(f"{what}/after/{place}")
            try:
                yield from told["held"]
                place = told["next"] if told["next"] is None else int(told["next"])
            except (KeyError, TypeError, ValueError) as error:
                raise Unknown(f"{self.prefix} listed nothing that can be read") from error

    def find(self, key: str) -> Found:
        try:
            told = self._answer("GET", f"requests/{quote(key, safe='')}")
        except Refused as refusal:
            if refusal.code == "never_arrived":
                return Found(Standing.NEVER_ARRIVED, {})
            raise Unknown(str(refusal)) from refusal
        try:
            return _found(told)
        except (KeyError, TypeError, ValueError) as error:
            raise Unknown(f"{self.prefix} told nothing that can be read") from error

    def _answer(self, method: str, path: str, *, key: str = "", **sent: Any) -> dict[str, Any]:
        headers = {"traceparent": traceparent()}
        if key:
            headers["Idempotency-Key"] = key
        try:
            response = _http().request(method, f"/{self.prefix}/{path}", headers=headers, **sent)
        except httpx.HTTPError as error:
            calls.warning("%s %s: %s", method, self.prefix, type(error).__name__)
            raise Unknown(f"{self.prefix} did not answer: {type(error).__name__}") from error
        calls.info("%s %s", method, self.prefix, extra={"status": response.status_code, "key": key})
        refused = response.is_client_error and response.status_code not in (408, 429)
        if not (response.is_success or refused):
            raise Unknown(f"{self.prefix} answered {response.status_code}")
        body = _object(response)
        if body is None and response.is_success:
            raise Unknown(f"{self.prefix} answered {response.status_code} without an object")
        body = body or {}
        if refused:
            raise Refused(
                str(body.get("detail") or f"{self.prefix} answered {response.status_code}"),
                code=str(body.get("code") or "refused"),
            )
        return body


def _found(told: Mapping[str, Any]) -> Found:
    refused = told["status"] == "refused" and int(told.get("http_status") or 422) >= 400
    return Found(
        Standing.REFUSED if refused else Standing.ACCEPTED,
        told.get("answer") or {},
        tuple(read_event(entry) for entry in told.get("callbacks", ())),
    )


def read_event(entry: Mapping[str, Any]) -> ProviderEvent:
    """A callback as the provider writes it."""
    return ProviderEvent(
        str(entry["id"]),
        str(entry["type"]),
        datetime.fromisoformat(entry["occurred_at"]),
        dict(entry.get("data") or {}),
    )


def plain(request: Any) -> dict[str, Any]:
    """A request's fields as JSON values."""
    return {name: _plain(value) for name, value in asdict(request).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
