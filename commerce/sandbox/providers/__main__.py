"""Run the provider sandbox: `python -m commerce.sandbox.providers`."""

import os
import sys

from commerce.sandbox.common.settings import SettingMissing
from commerce.sandbox.common.web import serve
from commerce.sandbox.providers.application import build
from commerce.sandbox.providers.pace import PaceUnknown
from commerce.sandbox.providers.settings import ProviderSettings


def main() -> None:
    try:
        settings = ProviderSettings.from_environment(os.environ)
    except (SettingMissing, PaceUnknown) as error:
        sys.exit(str(error))
    application, runner = build(settings)
    runner.start()
    try:
        serve(application, settings=settings.sandbox)
    finally:
        runner.stop()


if __name__ == "__main__":
    main()
