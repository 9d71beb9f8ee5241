"""What the merchant reads from its environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from commerce.sandbox.common.settings import SandboxSettings, required


@dataclass(frozen=True, slots=True)
class MerchantSettings:
    """`operator_url` is where the operator's API stands; `credentials` the file in which he told
    his partners theirs, which is there once he has taken them on."""

    sandbox: SandboxSettings
    operator_url: str
    credentials: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingMissing, a sentence to print."""
        return cls(
            sandbox=SandboxSettings.from_environment(environment),
            operator_url=required(environment, "MERCHANT_OPERATOR_URL").rstrip("/"),
            credentials=Path(required(environment, "MERCHANT_CREDENTIALS")),
        )

    def client(self) -> tuple[str, str]:
        """Our id and secret at the operator's. Raises OSError and LookupError if he told none."""
        told = json.loads(self.credentials.read_text())
        ours = next((each for each in told["api_clients"] if each["role"] == "merchant"), None)
        if ours is None:
            raise LookupError("the operator has taken no merchant on")
        return ours["client_id"], ours["client_secret"]
