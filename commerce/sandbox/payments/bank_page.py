"""The bank's page on which a cardholder says that it is he."""

from commerce.sandbox.payments.errors import Document
from commerce.sandbox.payments.ids import random_text
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import World


def ask_the_holder(world: World, intent: Resource) -> None:
    """Send him to the bank's page; without a return address the app shows it."""
    token = intent.private.setdefault("token", random_text(32))
    page = f"{world.settings.base.public_url}/c/authenticate/{intent.id}/{token}"
    return_url = intent.private.get("return_url")
    if return_url is None:
        action: Document = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
        }
    else:
        action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": page},
        }
    intent.body |= {"status": "requires_action", "next_action": action}
    world.store.save(intent)
