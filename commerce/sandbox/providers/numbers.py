"""Identifiers of devices, SIMs and ports, made and checked as their standards say."""

import re

RIO_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+"
RIO_SHAPE = re.compile(r"[0-9A-Z]{2}[EPFGMNRSTUVWXYZA][0-9A-Z]{6}[0-9A-Z+]{3}")


def luhn_digit(digits: str) -> str:
    """The check digit to append to `digits`."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def luhn_holds(digits: str) -> bool:
    return digits.isdigit() and luhn_digit(digits[:-1]) == digits[-1]


def imei(serial: int, *, block: int) -> str:
    """15 digits in an invented type allocation that begins with 99; unique per block and serial."""
    overflow, within = divmod(serial, 1_000_000)
    body = f"99{block:03d}{overflow % 1000:03d}{within:06d}"
    return body + luhn_digit(body)


def iccid(serial: int, *, family: int) -> str:
    """19 digits: telecom 89, France 33, issuer 15, family (1 card, 8 eSIM), serial, check."""
    body = f"893315{family}{serial:011d}"
    return body + luhn_digit(body)


def imsi(serial: int) -> str:
    """15 digits on the French test network 208 99."""
    return f"20899{serial:010d}"


def eid(serial: int) -> str:
    """32 digits whose last two make the whole 1 modulo 97 (SGP.29)."""
    body = f"89033{serial:025d}"
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def national(msisdn: str) -> str | None:
    """0XXXXXXXXX from the national or international form; None if it is neither."""
    digits = re.sub(r"[ .]", "", msisdn)
    digits = re.sub(r"^(\+33|0033)", "0", digits)
    return digits if re.fullmatch(r"0[1-9][0-9]{8}", digits) else None


def special(number: str) -> str | None:
    """0800 to 0899 with its ten digits, or a short number of four; None if it is neither."""
    digits = re.sub(r"[ .]", "", number)
    return digits if re.fullmatch(r"08[0-9]{8}|3[0-9]{3}", digits) else None


def rio_key(number: str, rio: str) -> str:
    """The three control characters of a RIO for the national `number`."""
    first = second = third = 0
    for character in rio[:9] + number:
        value = RIO_ALPHABET.index(character)
        first = (first + value) % 37
        second = (2 * second + value) % 37
        third = (4 * third + value) % 37
    return RIO_ALPHABET[first] + RIO_ALPHABET[second] + RIO_ALPHABET[third]
