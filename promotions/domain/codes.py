"""Single-use codes: eleven letters drawn from a batch's secret and one that checks them. Pure.

2.4 * 10**15 codes are possible: with 100,000 given out, one guess in 24 thousand million finds one.
"""

import hmac
from collections.abc import Iterator

from commerce.kernel.readable import ALPHABET, check_letter, is_checked, letters_of

LENGTH = 12
_PART = 4
_BYTES = 10
"""Of each code's digest: 80 bits for 51 that are needed, so that no letter is likelier."""


def code_of(secret: bytes, *, number: int) -> str:
    """The code `number` of a batch, like 7KQ2-9FRX-4ATM; who has no secret can't tell the next."""
    drawn = hmac.digest(secret, number.to_bytes(8, "big"), "sha256")
    value = int.from_bytes(drawn[:_BYTES], "big")
    letters = ""
    for _ in range(LENGTH - 1):
        value, place = divmod(value, len(ALPHABET))
        letters += ALPHABET[place]
    return written(letters + check_letter(letters))


def codes_of(secret: bytes, *, count: int) -> Iterator[str]:
    """The codes 1 to `count` of a batch."""
    return (code_of(secret, number=number) for number in range(1, count + 1))


def written(letters: str) -> str:
    """In groups of four."""
    return "-".join(letters[place : place + _PART] for place in range(0, len(letters), _PART))


def normalise(text: str) -> str | None:
    """The code that somebody typed; None if it can't be one (a letter is wrong)."""
    letters = letters_of(text)
    return written(letters) if len(letters) == LENGTH and is_checked(letters) else None


def digest_of(code: str, *, key: bytes) -> bytes:
    """By which a code is found; the code itself is not stored.

    Without `key`, which is not in the database, whoever has the digests can't try codes on them:
    51 bits alone would be found in an afternoon.
    """
    return hmac.digest(key, letters_of(code).encode(), "sha256")[:16]
