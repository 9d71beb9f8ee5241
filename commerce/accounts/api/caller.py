"""Who calls the API, as a value."""

from typing import Any

from rest_framework.request import Request

from commerce.accounts.identity import AccountContext


def caller_of(request: Request) -> AccountContext:
    """The context that the authentication of the request found; every class of ours finds one."""
    found: Any = request.auth
    assert isinstance(found, AccountContext)
    return found
