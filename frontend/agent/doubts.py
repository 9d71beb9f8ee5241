"""What of a written request does not agree with the customer to whom it was laid."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from commerce.accounts.written import ContractRequestFacts
from commerce.ordering.services.confirming import disagreeing

DOUBTS: Mapping[str, Any] = {
    "name": _("name"),
    "email": _("e-mail address"),
    "contract": _("contract reference"),
    "line": _("line"),
}


def doubts(asked: ContractRequestFacts) -> str:
    return ", ".join(str(DOUBTS[each]) for each in disagreeing(asked))
