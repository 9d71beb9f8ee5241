"""Identifiers that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """`pi_3…`, `ch_3…` and the like; Checkout Sessions have longer ones."""
    if prefix == "cs_test":
        return f"cs_test_a1{random_text(56)}"
    if prefix in ("cus", "prod"):
        return f"{prefix}_{random_text(14)}"
    if prefix == "req":
        return f"req_{random_text(14)}"
    generation = "3" if prefix in ("pi", "ch", "re", "txn", "py") else "1"
    return f"{prefix}_{generation}{random_text(23)}"
