"""A JSON client of a few lines: one keep-alive connection, one set of cookies, no more work than
needed, because it shares the machine with what it measures."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4


class Refused(Exception):
    """An answer with another status than was hoped for."""


class Client:
    """Speaks to one server. `forget` makes a stranger of it."""

    def __init__(self, host: str, port: int, *, headers: Mapping[str, str] | None = None) -> None:
        self._address = (host, port)
        self._headers = dict(headers or {})
        self._cookies: dict[str, str] = {}
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def forget(self) -> None:
        self._cookies.clear()

    async def call(self, method: str, path: str, body: Any = None, *, status: int) -> Any:
        """The JSON of the answer. Raises Refused if it hasn't `status`."""
        payload = b"" if body is None else json.dumps(body).encode()
        self._writer.write(self._head(method, path, len(payload)) + payload)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        length, closes = 0, False
        for line in head[1:]:
            name, _, value = line.partition(":")
            name = name.lower()
            if name == "content-length":
                length = int(value)
            elif name == "connection":
                closes = value.strip().lower() == "close"
            elif name == "set-cookie":
                cookie, _, worth = value.strip().partition(";")[0].partition("=")
                self._cookies[cookie] = worth
        answer = await self._reader.readexactly(length)
        if closes:
            self._writer.close()
            await self._connect()
        if int(head[0].split()[1]) != status:
            raise Refused(f"{method} {path}: {head[0]} {answer[:800].decode(errors='replace')}")
        return json.loads(answer) if answer else None

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address, limit=2**20)

    def _head(self, method: str, path: str, length: int) -> bytes:
        host, port = self._address
        lines = {
            "Host": f"{host}:{port}",
            "Accept": "application/json",
            "Accept-Language": "en",
            **self._headers,
        }
        if self._cookies:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if method != "GET":
            lines |= {"Content-Type": "application/json", "Content-Length": str(length)}
            lines["Idempotency-Key"] = str(uuid4())
        if "csrftoken" in self._cookies:
            lines["X-CSRFToken"] = self._cookies["csrftoken"]
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode()
