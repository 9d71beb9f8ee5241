"""Who is asking: the edge knows how to find out, the accounts above know the answer.

The composition root hands in the two functions; so the edge needs no account.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest


class Caller(Protocol):
    """The part of an account context that policies look at."""

    @property
    def role(self) -> str: ...

    @property
    def party_id(self) -> int | None: ...

    @property
    def staff(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Resolvers:
    """`session` answers for a browser; `client` for the id of an OAuth2 application, or None."""

    session: Callable[[HttpRequest], Caller]
    client: Callable[[Any], Caller | None]


_resolvers: list[Resolvers] = []


def use_resolvers(resolvers: Resolvers) -> None:
    """Called once by the composition root."""
    _resolvers[:] = [resolvers]


def caller_of(request: HttpRequest) -> Caller:
    """Who asks through a browser."""
    return _resolvers[0].session(request)


def caller_of_application(application_id: Any) -> Caller | None:
    """Who acts through an OAuth2 application; None if it is bound to nobody."""
    return _resolvers[0].client(application_id)
