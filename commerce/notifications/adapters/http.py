"""Messages and letters over HTTP, by the protocol in docs/providers.md."""

from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from commerce.kernel.errors import Refused, Unknown
from commerce.kernel.trace import traceparent
from commerce.notifications.ports import Letter, OutgoingMessage


@cache
def _http(provider: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{settings.PROVIDERS_URL.rstrip('/')}/{provider}",
        headers={"Authorization": f"Bearer {settings.PROVIDERS_API_KEY}"},
        timeout=settings.PROVIDER_TIMEOUT_SECONDS,
    )


class _Provider:
    """One that takes a thing once by its key, and answers what became of it."""

    name: str
    answers_with: str

    def find(self, reference: str) -> str | None:
        """GET /<provider>/requests/<key>"""
        status, body = _call(self.name, "GET", f"/requests/{quote(reference, safe='')}")
        if status == 404:
            return None
        if body.get("status") == "refused":
            raise _refusal(self.name, body.get("answer") or {})
        return str((body.get("answer") or {}).get(self.answers_with, ""))

    def _post(self, path: str, key: str, body: dict[str, Any]) -> str:
        headers = {"Idempotency-Key": key}
        status, answer = _call(self.name, "POST", path, json=body, headers=headers)
        if status >= 400:
            raise _refusal(self.name, answer)
        return str(answer.get(self.answers_with, ""))


class HttpMessages(_Provider):
    """The carrier of SMS and e-mails."""

    name, answers_with = "messages", "message_id"

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


class HttpLetters(_Provider):
    """The postal provider."""

    name, answers_with = "letters", "letter_id"

    def send_letter(self, letter: Letter) -> str:
        """POST /letters/items"""
        return self._post(
            "/items",
            letter.reference,
            {
                "to": list(letter.lines),
                "subject": letter.subject,
                "text": letter.text,
                "language": letter.language,
                "reference": letter.reference,
            },
        )


def _call(provider: str, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    headers = {"traceparent": traceparent(), **options.pop("headers", {})}
    try:
        answer = _http(provider).request(method, path, headers=headers, **options)
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise Unknown(f"The carrier answered {answer.status_code}.", provider=provider)
        return answer.status_code, answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unknown(f"The carrier gave no answer: {error}", provider=provider) from error


def _refusal(provider: str, answer: dict[str, Any]) -> Refused:
    return Refused(
        str(answer.get("detail", "The carrier refused the message.")),
        code=str(answer.get("code", "refused")),
        provider=provider,
    )
