"""Letters that people read aloud and type in without mistakes, and a check of what they typed."""

import re

ALPHABET = "234679ACDEFGHJKMNPQRTWXYZ"
"""Without 0/O, 1/I/L, 8/B, 5/S, U/V: what is heard on the phone is what was read."""


def letters_of(text: str) -> str:
    """What someone typed or heard, without spaces and dashes, in capitals."""
    return re.sub(r"[\s\-._]", "", text).upper()


def check_letter(letters: str) -> str:
    """The letter that completes `letters`: weights 1 and 2 in turn, from the right, modulo 25.

    One wrong letter, or two neighbours exchanged, never gives the same.

    Raises:
        ValueError: a letter is not of the alphabet.
    """
    total = sum(
        ALPHABET.index(letter) * (2 - place % 2) for place, letter in enumerate(reversed(letters))
    )
    return ALPHABET[-total % len(ALPHABET)]


def is_checked(letters: str) -> bool:
    """Whether the last letter is the check letter of those before it."""
    return (
        len(letters) > 1
        and all(letter in ALPHABET for letter in letters)
        and check_letter(letters[:-1]) == letters[-1]
    )
