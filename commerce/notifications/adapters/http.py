"""Messages over HTTP, by the protocol in docs/providers.md."""

from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from commerce.kernel.errors import Refused, Unknown
from commerce.kernel.trace import traceparent
from commerce.notifications.ports import OutgoingMessage


@cache
def _http() -> httpx.Client:
    return httpx.Client(
        base_url=f"{settings.PROVIDERS_URL.rstrip('/')}/messages",
        headers={"Authorization": f"Bearer {settings.PROVIDERS_API_KEY}"},
        timeout=settings.PROVIDER_TIMEOUT_SECONDS,
    )


class HttpMessages:
    """The carrier of SMS and e-mails."""

    def send_sms(self, message: OutgoingMessage) -> str:
        """POST /messages/sms"""
        return self._post(
            "/sms",
            message.reference,
            {"to": message.to, "text": message.text, "reference": message.reference},
        )

    def send_email(self, message: OutgoingMessage) -> str:
        """POST /messages/emails"""
        return self._post(
            "/emails",
            message.reference,
            {
                "to": message.to,
                "subject": message.subject,
                "text": message.text,
                "reference": message.reference,
            },
        )

    def find(self, reference: str) -> str | None:
        """GET /messages/requests/<key>"""
        status, body = _call("GET", f"/requests/{quote(reference, safe='')}")
        if status == 404:
            return None
        if body.get("status") == "refused":
            raise _refusal(body.get("answer") or {})
        return str((body.get("answer") or {}).get("message_id", ""))

    def _post(self, path: str, key: str, body: dict[str, Any]) -> str:
        status, answer = _call("POST", path, json=body, headers={"Idempotency-Key": key})
        if status >= 400:
            raise _refusal(answer)
        return str(answer.get("message_id", ""))


def _call(method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    headers = {"traceparent": traceparent(), **options.pop("headers", {})}
    try:
        answer = _http().request(method, path, headers=headers, **options)
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise Unknown(f"The carrier answered {answer.status_code}.", provider="messages")
        return answer.status_code, answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unknown(f"The carrier gave no answer: {error}", provider="messages") from error


def _refusal(answer: dict[str, Any]) -> Refused:
    return Refused(
        str(answer.get("detail", "The carrier refused the message.")),
        code=str(answer.get("code", "refused")),
        provider="messages",
    )
