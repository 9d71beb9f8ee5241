"""`python -m commerce.sandbox.merchant`: a third party that sells on the operator's bills."""

import os
import sys

from commerce.sandbox.common.settings import SettingMissing
from commerce.sandbox.common.web import serve
from commerce.sandbox.merchant.app import build
from commerce.sandbox.merchant.settings import MerchantSettings


def main() -> int:
    try:
        settings = MerchantSettings.from_environment(os.environ)
    except SettingMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    serve(build(settings), settings=settings.sandbox)
    return 0


if __name__ == "__main__":
    sys.exit(main())
