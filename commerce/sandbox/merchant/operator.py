"""The merchant's side of CAMARA Carrier Billing 0.5 and Carrier Billing Refund 0.3, over HTTP."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

import httpx

PAYMENTS = "/carrier-billing/v0.5/payments"
REFUNDS = "/carrier-billing-refund/v0.3/payments"
STATEMENTS = "/carrier-billing-statements/v1/statements"
SCOPES = " ".join(
    (
        *("carrier-billing:payments:create", "carrier-billing:payments:write"),
        *("carrier-billing:payments:read", "carrier-billing-refund:refunds:create"),
        "carrier-billing-refund:refunds:read",
    )
)
TRIES = 3
A_PAGE = 100


class Silent(Exception):
    """The operator gave no answer that means anything; what became of the request is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operator said; `code` is that of a refusal, empty if there was none. `digest` is
    what he says of the bytes (RFC 9530)."""

    status: int
    body: Any
    content: bytes = b""
    digest: str = ""

    @property
    def code(self) -> str:
        if self.status < 400:
            return ""
        return str(self.body.get("code", self.status))


class Operator:
    """Every request that changes something holds a correlator or an id, so it may be sent again."""

    def __init__(self, client: httpx.Client, *, credentials: Callable[[], tuple[str, str]]) -> None:
        self._client = client
        self._credentials = credentials
        self._token = ""
        self._lock = Lock()

    def charge(self, body: Any) -> Answer:
        return self._send("POST", PAYMENTS, body)

    def prepare(self, body: Any) -> Answer:
        return self._send("POST", f"{PAYMENTS}/prepare", body)

    def validate(self, payment: str, *, authorization: str, code: str) -> Answer:
        asked = {"authorizationId": authorization, "code": code}
        return self._send("POST", f"{PAYMENTS}/{payment}/validate", asked)

    def confirm(self, payment: str, *, number: str) -> Answer:
        return self._send("POST", f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": number})

    def cancel(self, payment: str, *, number: str) -> Answer:
        return self._send("POST", f"{PAYMENTS}/{payment}/cancel", {"phoneNumber": number})

    def state_of(self, payment: str) -> str:
        """Raises Silent, also where the operator does not know it."""
        answer = self._send("GET", f"{PAYMENTS}/{payment}")
        if answer.code:
            raise Silent(answer.code)
        return str(answer.body["paymentStatus"])

    def payments(self) -> list[dict[str, Any]]:
        """All of ours. Raises Silent."""
        found: list[dict[str, Any]] = []
        while True:
            page = len(found) // A_PAGE + 1
            answer = self._send("GET", f"{PAYMENTS}?order=asc&perPage={A_PAGE}&page={page}")
            if answer.code:
                raise Silent(answer.code)
            found += answer.body
            if len(answer.body) < A_PAGE:
                return found

    def statement(self, month: str) -> dict[str, Any] | None:
        """A closed month of ours, such as 2026-11; None if it is not closed. Raises Silent, also
        where the bytes are not those of their digest."""
        answer = self._send("GET", f"{STATEMENTS}/{month}")
        if answer.status == 404:
            return None
        if answer.code:
            raise Silent(answer.code)
        proved = f"sha-256=:{b64encode(sha256(answer.content).digest()).decode()}:"
        if answer.digest != proved:
            raise Silent("the statement is not that of its digest")
        found: dict[str, Any] = answer.body
        return found

    def refund(self, payment: str, body: Any) -> Answer:
        return self._send("POST", f"{REFUNDS}/{payment}/refunds", body)

    def remaining(self, payment: str) -> int:
        """The cents of a payment that were not given back. Raises Silent."""
        answer = self._send("GET", f"{REFUNDS}/{payment}/refunds/remaining-amount")
        if answer.code:
            raise Silent(answer.code)
        return round(float(answer.body["amount"]) * 100)

    def _send(self, method: str, path: str, body: Any = None) -> Answer:
        said = ""
        for _ in range(TRIES):
            try:
                answer = self._client.request(method, path, json=body, headers=self._headers())
            except httpx.TransportError as error:
                said = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code == 401:
                self._token = ""
            elif answer.status_code < 500:
                return Answer(
                    answer.status_code,
                    answer.json() if answer.content else {},
                    answer.content,
                    answer.headers.get("repr-digest", ""),
                )
            said = str(answer.status_code)
        raise Silent(said)

    def _headers(self) -> dict[str, str]:
        with self._lock:
            if not self._token:
                self._token = self._new_token()
        return {"Authorization": f"Bearer {self._token}"}

    def _new_token(self) -> str:
        try:
            client = self._credentials()
        except (OSError, LookupError, ValueError) as error:
            raise Silent(f"there are no credentials yet: {error}") from error
        asked = {"grant_type": "client_credentials", "scope": SCOPES}
        answer = self._client.post("/oauth/token/", data=asked, auth=client)
        if answer.is_error:
            raise Silent(f"no token: {answer.status_code}")
        return str(answer.json()["access_token"])
