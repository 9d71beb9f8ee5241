"""Production settings for measuring on one machine, without the TLS in front of it.

Production refuses an address that is not https. Here the whole system, the simulated providers'
callbacks included, speaks plain HTTP over loopback, so that the address is given as https while the
production settings are read and put right after. Two redirects are off with it. Nothing else
differs: cookies are marked secure, DEBUG is off, business time is real time. Demo people, whose
logins the measurements use, are only made where the clock is virtual, and the demo merchant is told
on loopback: for that command alone both hold.
"""

import os
import sys

_address = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
if not _address.startswith("http://127.0.0.1:"):
    raise RuntimeError("These settings are for a stack on loopback.")
os.environ["PUBLIC_URL"] = _address.replace("http://", "https://", 1)

from commerce.settings.production import *  # noqa: E402, F403

os.environ["PUBLIC_URL"] = _address
PUBLIC_URL = _address
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0

VIRTUAL_CLOCK = WEBHOOKS_STAY_HOME = sys.argv[1:2] == ["load_demo"]
ROOT_URLCONF = "tests.bench.urls"
