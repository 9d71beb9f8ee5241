"""A client that takes nothing for an answer: what was lost on the way is sent again.

Only what may be sent twice is: questions, and requests with an idempotency key.
"""

import time

import httpx

_PAUSES = (0.2, 0.5, 1.0, 2.0, *([3.0] * 80))
"""Seconds: a server that starts anew on a busy machine takes its time, and a request whose server
died holds its key for a minute each time."""
_AGAIN = frozenset({409, 425, 429, 500, 502, 503, 504})


class PatientTransport(httpx.BaseTransport):
    """Waits for a server that was killed, and asks again."""

    def __init__(self) -> None:
        self._wire = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.TransportError when it may not be sent again, or never got through."""
        repeatable = request.method == "GET" or "Idempotency-Key" in request.headers
        for pause in _PAUSES if repeatable else ():
            try:
                answer = self._whole(request)
            except httpx.TransportError:
                time.sleep(pause)
                continue
            if not _says_again(answer):
                return answer
            time.sleep(pause)
        return self._whole(request)

    def _whole(self, request: httpx.Request) -> httpx.Response:
        """With its body: a server may die between the head of its answer and the end."""
        answer = self._wire.handle_request(request)
        try:
            answer.read()
        finally:
            answer.close()
        return answer

    def close(self) -> None:
        self._wire.close()


def _says_again(answer: httpx.Response) -> bool:
    """An error of the server's; a conflict only where it says when to come again."""
    if answer.status_code == 409:
        return "Retry-After" in answer.headers
    return answer.status_code in _AGAIN
