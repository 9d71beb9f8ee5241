"""What the provider sandbox reads from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from commerce.sandbox.common.settings import SandboxSettings, required
from commerce.sandbox.providers.pace import Pace


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`callback_url` is the address below which each provider's callbacks arrive, without slash."""

    sandbox: SandboxSettings
    api_key: str
    callback_secret: str
    callback_url: str
    pace: Pace

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingMissing or PaceUnknown, each a sentence to print."""
        return cls(
            sandbox=SandboxSettings.from_environment(environment),
            api_key=required(environment, "PROVIDERS_API_KEY"),
            callback_secret=required(environment, "PROVIDERS_CALLBACK_SECRET"),
            callback_url=required(environment, "PROVIDERS_CALLBACK_URL").rstrip("/"),
            pace=Pace.parse(environment.get("SANDBOX_PACE", "")),
        )
