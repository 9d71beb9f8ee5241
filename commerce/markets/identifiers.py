"""Numbers that are the same in every country: of cards and devices (ICCID, IMEI, EID, activation
code), of bank accounts (IBAN), and the reference that a payer states (ISO 11649)."""

from dataclasses import dataclass

from stdnum import iban, imei, iso11649, luhn
from stdnum.iso7064 import mod_97_10

from commerce.kernel.errors import InvalidInput

EID_LENGTH = 32


def is_iccid(text: str) -> bool:
    """19 figures that begin with 89 and end with a Luhn digit; 20 exist and are taken too."""
    return (
        text.isascii()
        and text.isdigit()
        and len(text) in {19, 20}
        and text.startswith("89")
        and bool(luhn.is_valid(text))
    )


def is_imei(text: str) -> bool:
    """15 figures with a Luhn digit, or 16 with a software version and no check."""
    return bool(imei.is_valid(text))


def is_eid(text: str) -> bool:
    """32 figures whose remainder by 97 is 1 (SGP.29); they need not begin with 89."""
    return len(text) == EID_LENGTH and text.isascii() and text.isdigit() and int(text) % 97 == 1


def is_iban(text: str) -> bool:
    """With its check digits right (ISO 13616), and as long as its country has it."""
    return bool(iban.is_valid(text))


def creditor_reference(text: str) -> str:
    """The letters and figures of `text`, at most 21, as a reference with check digits (ISO 11649):
    RF18539007547034."""
    body = "".join(each for each in text.upper() if each.isalnum())
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def referred_to(reference: str) -> str | None:
    """What a creditor reference was made of; None if it is none, or its check digits are wrong."""
    if not iso11649.is_valid(reference):
        return None
    return str(iso11649.compact(reference))[4:]


@dataclass(frozen=True, slots=True)
class ActivationCode:
    """What a QR code tells a handset about its eSIM profile (SGP.22, 4.1)."""

    smdp: str
    matching_id: str
    smdp_oid: str | None = None
    confirmation: bool = False

    def __str__(self) -> str:
        oid = self.smdp_oid or ""
        tail = f"${oid}$1" if self.confirmation else f"${oid}" if oid else ""
        return f"LPA:1${self.smdp}${self.matching_id}{tail}"


def parse_activation_code(text: str) -> ActivationCode:
    """From `LPA:1$host$matching id[$oid[$1]]`.

    Raises:
        InvalidInput: `activation_code_invalid`.
    """
    parts = text.removeprefix("LPA:").split("$")
    if len(parts) not in {3, 4, 5} or parts[0] != "1" or not parts[1]:
        raise InvalidInput(
            "This is not an eSIM activation code.", code="activation_code_invalid", field="code"
        )
    oid = parts[3] if len(parts) > 3 and parts[3] else None
    return ActivationCode(parts[1], parts[2], oid, parts[4:] == ["1"])
