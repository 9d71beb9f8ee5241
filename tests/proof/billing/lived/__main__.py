"""`python -m tests.proof.billing.lived`: random lives through a stack of their own.

LIVES and MONTHS may be set, and FIRST, the seed of the first of them; MINUTES, after which it stops
and what was lived so far is judged; and LIVED, the folder. Interrupted, it stops as well, at the
end of a day. It goes on where it stopped; killed while somebody acted, or of other sources, it
begins anew.
"""

import importlib
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event

import django

from commerce.local.stack import Stack
from tests.proof.billing.lived.plan import plan_in
from tests.proof.sources import digest

LIVES, MONTHS = 300, 60
HERE = Path(__file__).resolve().parents[2] / "results" / "lived"
WEBHOOKS = (
    *("checkout.session.completed", "checkout.session.expired", "mandate.updated"),
    *("payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.processing"),
    *("payment_intent.succeeded", "charge.dispute.created", "charge.dispute.updated"),
    *("charge.dispute.closed", "charge.dispute.funds_reinstated"),
    "charge.dispute.funds_withdrawn",
)
"""As the manual of production has an endpoint at the payment provider set up."""
ENVIRONMENT = {"SANDBOX_PACE": "instant", "SANDBOX_WEBHOOK_EVENTS": " ".join(WEBHOOKS)}


def main() -> int:
    """0 if every document is as the oracle has it, and the books are in order."""
    lives = int(os.environ.get("LIVES") or LIVES)
    months = int(os.environ.get("MONTHS") or MONTHS)
    minutes = float(os.environ.get("MINUTES") or "inf")
    folder = Path(os.environ.get("LIVED") or HERE)
    began = time.monotonic()
    first = int(os.environ.get("FIRST") or 0)
    plan = plan_in(folder, lives=lives, months=months, sources=digest(), first=first)
    with Stack(folder / "stack", durable=False, extra_env=ENVIRONMENT) as stack:
        os.environ.update(stack.env)
        django.setup()
        # What acts imports models, which is possible only now.
        play = importlib.import_module("tests.proof.billing.lived.play")
        stopped, ends = Event(), time.monotonic() + minutes * 60
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stopped.set())
        verdict = play.lived(
            stack, folder, plan, enough=lambda: stopped.is_set() or time.monotonic() > ends
        )
    play.show(verdict)
    print(play.as_json(verdict, seconds=time.monotonic() - began))
    return 0 if verdict.right else 1


if __name__ == "__main__":
    sys.exit(main())
