"""The policy of dunning that is in force: the operator's file, else the market's."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from commerce.kernel.errors import InvalidInput
from commerce.markets.pack import market
from subscriptions.domain.dunning import Policy, read_policy


def policy() -> Policy:
    """Raises InvalidInput `dunning_policy`: the sentence says what is wrong with it."""
    return load(settings.DUNNING_POLICY)


@cache
def load(path: str) -> Policy:
    """That of the file, or of the market where there is none; each of its messages has a text.

    Raises:
        InvalidInput: `dunning_policy`.
    """
    found = read_policy(_of_file(path) if path else market(settings.MARKET).dunning_policy())
    for step in found.steps:
        if step.message and not _has_text(step.message):
            raise InvalidInput(
                f"Dunning policy: step {step.code}: there is no message {step.message}.",
                code="dunning_policy",
            )
    return found


def dunning_policy_reads(**_: Any) -> list[CheckMessage]:
    """The machine does not start with a table that it would stumble over at night."""
    try:
        policy()
    except InvalidInput as refusal:
        return [Error(f"DUNNING_POLICY: {refusal}", id="subscriptions.E002")]
    return []


def _of_file(path: str) -> Mapping[str, Any]:
    try:
        said = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput(f"Dunning policy: {error}", code="dunning_policy") from error
    if not isinstance(said, Mapping):
        raise InvalidInput("Dunning policy: the file holds no table.", code="dunning_policy")
    return said


def _has_text(code: str) -> bool:
    for ending in ("txt", "sms"):
        try:
            get_template(f"notifications/fr/{code}.{ending}")
        except TemplateDoesNotExist:
            continue
        return True
    return False
