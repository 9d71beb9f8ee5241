"""Load from a process of its own: so many connections that ask as fast as they are answered.

`python -m tests.bench.load` prints one JSON object: answers per second of each window, the time of
each answer in milliseconds, and how many there were. HTTP/1.1 with keep-alive, written by hand,
because a client library would need more of the two cores than the server that is measured.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from commerce.local.place import ROOT

CONNECTIONS, SECONDS, WINDOW, WARM = 16, 6.0, 0.5, 1.5


@dataclass(frozen=True, slots=True)
class Load:
    """`rates` are answers per second in each window, `times` milliseconds per answer."""

    rates: list[float]
    times: list[float]
    answers: int


def loaded(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
    connections: int = CONNECTIONS,
) -> Load:
    """Ask `url` from a second process. Raises RuntimeError if an answer was not 200."""
    command = [
        *(sys.executable, "-m", "tests.bench.load", "--url", url),
        *("--seconds", str(seconds), "--connections", str(connections)),
        *("--headers", json.dumps(dict(headers or {}))),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{url}: {done.stderr.strip()[-2000:]}")
    return Load(**json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--headers", type=json.loads, default={})
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(_drive(options))))


async def _drive(options: argparse.Namespace) -> dict[str, Any]:
    address = urlsplit(options.url)
    target = address.path + (f"?{address.query}" if address.query else "")
    given = {"Host": address.netloc, "Accept": "application/json", **options.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    request = f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode()
    began = time.perf_counter()
    until = began + WARM + options.seconds
    asked = [
        _ask(address.hostname or "", address.port or 80, request, until=until)
        for _ in range(options.connections)
    ]
    ends = [pair for pairs in await asyncio.gather(*asked) for pair in pairs]
    first = began + WARM
    counted = [(end, spent) for end, spent in ends if first <= end < until]
    windows = [0] * int(options.seconds / WINDOW)
    for end, _ in counted:
        windows[min(int((end - first) / WINDOW), len(windows) - 1)] += 1
    return {
        "rates": [count / WINDOW for count in windows],
        "times": [spent * 1000 for _, spent in counted],
        "answers": len(counted),
    }


async def _ask(host: str, port: int, request: bytes, *, until: float) -> list[tuple[float, float]]:
    """Ask until the time is up: the instant and the duration of each answer."""
    reader, writer = await asyncio.open_connection(host, port)
    found = []
    while (began := time.perf_counter()) < until:
        writer.write(request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            # The server closes a connection now and then; the request is asked again.
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
            continue
        length, closes = _read_head(head)
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.splitlines()[0]!r} {body[:500]!r}")
        now = time.perf_counter()
        found.append((now, now - began))
        if closes:
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()
    return found


def _read_head(head: bytes) -> tuple[int, bool]:
    """Length of the body and whether the connection ends with it."""
    length, closes = None, False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line[15:])
        elif line == b"connection: close":
            closes = True
    if length is None:
        raise RuntimeError(f"an answer without a length: {head!r}")
    return length, closes


if __name__ == "__main__":
    main()
