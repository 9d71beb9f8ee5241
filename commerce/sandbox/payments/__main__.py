"""`python -m commerce.sandbox.payments`: the simulated payment provider, as a process."""

import os
import sys

from commerce.sandbox.common.settings import SettingMissing
from commerce.sandbox.common.web import serve
from commerce.sandbox.payments.app import build_app, build_world
from commerce.sandbox.payments.world import PaymentSettings


def main() -> int:
    try:
        settings = PaymentSettings.from_environment(os.environ)
    except SettingMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    serve(build_app(build_world(settings)), settings=settings.base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
