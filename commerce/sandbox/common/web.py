"""The outermost layer of a sandbox's HTTP: one log line a request, and answers that never come."""

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commerce.sandbox.common.settings import SandboxSettings

logger = logging.getLogger("sandbox.request")

SILENCE = "x-sandbox-silence"
"""A response with this header is not sent: the connection is held so many seconds, then cut."""


class Edge:
    """Logs each request as JSON and carries out `SILENCE`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        answer = _Answer(send)
        await self._app(scope, receive, answer)
        if answer.silence is not None:
            await _hold(receive, seconds=answer.silence)
            await _cut(send)
        headers = dict(scope["headers"])
        logger.info(
            "request",
            extra={
                "facts": {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": answer.status if answer.silence is None else "no answer",
                    "milliseconds": round((time.monotonic() - started) * 1000, 1),
                    "traceparent": headers.get(b"traceparent", b"").decode("latin-1"),
                    "request_id": headers.get(b"x-request-id", b"").decode("latin-1"),
                }
            },
        )


@dataclass(slots=True)
class _Answer:
    send: Send
    status: int | None = None
    silence: float | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                if name == SILENCE.encode():
                    self.silence = float(value)
        if self.silence is None:
            await self.send(message)


async def _hold(receive: Receive, *, seconds: float) -> None:
    """Wait until the client has gone or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _cut(send: Send) -> None:
    """Close the connection without a byte; the server then sees a client that has left."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0.01)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def serve(app: ASGIApp, *, settings: SandboxSettings) -> None:
    """Serve on loopback until told to stop."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    uvicorn.run(
        Edge(app),
        host="127.0.0.1",
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
        server_header=False,
    )
