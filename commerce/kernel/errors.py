"""The errors that every layer speaks; `commerce.web.problems` turns them into HTTP answers."""

from collections.abc import Mapping
from typing import Any


class FaisceauError(Exception):
    """Something that a caller can act on.

    `code` is for machines and never changes; `message` is one English sentence that says what
    happened and what to do; `detail` holds plain values (ids, codes, amounts as strings).
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.detail: Mapping[str, Any] = detail


class RuleViolated(FaisceauError):
    """The request is understood and a rule of the business forbids it (HTTP 422)."""

    code = "rule_violated"


class InvalidInput(FaisceauError):
    """A value is malformed or out of range; `detail["field"]` names it (HTTP 400)."""

    code = "invalid_input"


class NotFound(FaisceauError):
    """Nothing of that name within what the actor may see (HTTP 404)."""

    code = "not_found"


class Forbidden(FaisceauError):
    """The actor is known and may not do this (HTTP 403)."""

    code = "forbidden"


class Conflict(FaisceauError):
    """The thing changed meanwhile, or another writer was first (HTTP 409)."""

    code = "conflict"


class IllegalTransition(Conflict):
    """A state machine has no such step."""

    code = "illegal_transition"


class ProviderError(FaisceauError):
    """What a provider's port may raise; exactly two kinds."""

    code = "provider_error"


class Refused(ProviderError):
    """The provider said no; sending the same again is useless."""

    code = "refused"


class Unknown(ProviderError):
    """No answer: the effect may or may not have happened. Ask before any retry."""

    code = "unknown"
