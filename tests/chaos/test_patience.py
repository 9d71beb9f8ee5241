"""What a server that dies leaves behind is asked for again, whole."""

import socket
from threading import Thread

import httpx
import pytest

from tests.chaos.patience import PatientTransport

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("died_after", [b"", _HEAD, _HEAD + b"an"])
def test_an_answer_cut_short_is_asked_for_again(died_after: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, [died_after, _HEAD + b"whole"]), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with httpx.Client(transport=PatientTransport()) as client:
            again = client.post(url, headers={"Idempotency-Key": "k"}, json={"kept": 1})
    assert again.text == "whole"


def test_what_may_not_be_sent_twice_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, [_HEAD + b"an", _HEAD + b"whole"]), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with httpx.Client(transport=PatientTransport()) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                client.post(url, json={"kept": 1})
            assert client.post(url).text == "whole"


def _serve(server: socket.socket, answers: list[bytes]) -> None:
    for answer in answers:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
