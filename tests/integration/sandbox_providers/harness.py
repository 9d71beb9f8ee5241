"""The provider sandbox as its own process, and a receiver of its callbacks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[3]
API_KEY = "key-of-the-shop"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The common one; each provider signs with his own."""
ADDRESS = {
    "name": "Ada Martin",
    "line1": "1 rue de la Paix",
    "postcode": "75002",
    "city": "Paris",
    "country": "FR",
}
PATIENCE = 15.0
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.03)
    raise AssertionError(f"nothing came within {seconds} seconds")


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.raw)
        return parsed


class Receiver:
    """Takes callbacks as the shop would; can be told to fail."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.failures = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                raw = self.rfile.read(length)
                if len(raw) < length:  # the sender was killed in the middle: it will come again
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, raw))
                failing = receiver.failures > 0
                receiver.failures -= failing
                self.send_response(500 if failing else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks/providers"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def of(self, key: str) -> list[Received]:
        """What came for one request, in the order of arrival."""
        return [entry for entry in list(self.received) if entry.body["request_key"] == key]

    def types(self, key: str) -> list[str]:
        return [entry.body["type"] for entry in self.of(key)]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Sandbox:
    """One process on a free port; `kill` and `start` keep its database."""

    def __init__(self, folder: Path, *, callback_url: str, pace: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "sandbox.log"
        self._environment = {
            **os.environ,
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DB": str(folder / "providers.sqlite"),
            "SANDBOX_PUBLIC_URL": self.url,
            "PROVIDERS_API_KEY": API_KEY,
            "PROVIDERS_CALLBACK_SECRET": SECRET,
            "PROVIDERS_CALLBACK_URL": callback_url,
            "SANDBOX_PACE": pace,
        }
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=5
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "commerce.sandbox.providers"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self._healthy)

    def kill(self) -> None:
        """As a crash would: no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        self.http.close()

    def post(
        self, path: str, *, key: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.http.post(
            path,
            json={} if body is None else body,
            headers={"Idempotency-Key": key, **(headers or {})},
        )

    def became(self, provider: str, key: str) -> dict[str, Any]:
        """What the provider says has become of a request."""
        answer: dict[str, Any] = self.http.get(f"/{provider}/requests/{key}").json()
        return answer

    def done(self, provider: str, key: str) -> dict[str, Any]:
        """The same, once nothing more will follow."""

        def look() -> dict[str, Any] | None:
            answer = self.became(provider, key)
            return answer if answer["status"] != "accepted" else None

        return wait_for(look)

    def plant(self, **fault: object) -> dict[str, Any]:
        answer = self.http.post("/_control/faults", json=fault)
        assert answer.status_code == 201, answer.text
        planted: dict[str, Any] = answer.json()
        return planted

    def counted(self, *identity: str) -> dict[str, Any]:
        """The effects of one business identity."""
        ledger = self.http.get("/_control/ledger?parts=by_identity").json()
        nothing = {"effects": 0, "undone": 0, "in_force": 0, "arrivals": 0, "keys": []}
        return next(
            (entry for entry in ledger["by_identity"] if entry["identity"] == list(identity)),
            nothing,
        )

    def now(self) -> datetime:
        return datetime.fromisoformat(self.http.get("/_control/state").json()["now"])

    def advance(self, seconds: float) -> None:
        state = self.http.get("/_control/state").json()
        offset = state["offset_seconds"] + seconds
        assert self.http.put("/_control/clock", json={"offset_seconds": offset}).status_code == 200

    def advance_to(self, instant: datetime) -> None:
        self.advance((instant - self.now()).total_seconds())

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=10)
            self._process = None


def shipment(reference: str, *, quantity: int = 1, sku: str = "LUM-X1-256-BLK") -> dict[str, Any]:
    line = {
        "item_reference": f"{reference}/1",
        "sku": sku,
        "quantity": quantity,
        "needs_imei": True,
        "needs_iccid": True,
    }
    return {"reference": reference, "lines": [line], "deliver_to": ADDRESS}


def porting(reference: str, **other: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "msisdn": "0639981234",
        "rio": "02PA1B2C3RE+",
        "wished_on": "2031-11-25",
        "slot": "08:00-12:00",
        "recipient_operator": "FA",
        **other,
    }


def sms(reference: str, *, text: str = "Bonjour", to: str = "0639981234") -> dict[str, Any]:
    return {"to": to, "text": text, "reference": reference}
