"""Loopback ports: whether one is free, and finding one."""

import random
import socket

from commerce.local.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the kernel's range for outgoing connections, so that none of them takes a port that was
# chosen here and is not listened on yet.
_CHOICE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, taken: frozenset[int] = frozenset()) -> int:
    """A port that nobody listens on now and that is not among `taken`.

    Raises:
        StackError: none was found.
    """
    for port in random.sample(_CHOICE, _TRIES):
        if port not in taken and is_free(port):
            return port
    raise StackError(f"No free port was found between {_CHOICE.start} and {_CHOICE.stop}.")


def choose(
    names: tuple[str, ...], *, remembered: dict[str, int], fixed: dict[str, int]
) -> dict[str, int]:
    """A port for each name: the fixed one, else the remembered one while free, else a free one.

    Raises:
        StackError: a fixed port is in use.
    """
    chosen = dict(fixed)
    for name, port in fixed.items():
        if not is_free(port):
            raise StackError(
                f"Port {port} for {name} is in use by another program: stop it or choose another."
            )
    for name in names:
        if name in chosen:
            continue
        taken = frozenset(chosen.values())
        port = remembered.get(name, 0)
        usable = port and port not in taken and is_free(port)
        chosen[name] = port if usable else free_port(taken=taken)
    return chosen
