"""French company numbers: SIREN, SIRET and VAT number."""

from typing import Any

from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret, tva

from commerce.kernel.errors import InvalidInput


def check_siren(number: str) -> str:
    """Nine figures, Luhn. Raises InvalidInput `company_number_invalid`."""
    return _checked(siren, number, what="SIREN", figures=9)


def check_siret(number: str) -> str:
    """Fourteen figures, Luhn, but for La Poste. Raises InvalidInput `company_number_invalid`."""
    return _checked(siret, number, what="SIRET", figures=14)


def check_vat(number: str) -> str:
    """With its country code: FR44732829320. Raises InvalidInput `company_number_invalid`."""
    return f"FR{_checked(tva, number, what='VAT number', figures=11)}"


def check_company(*, siret: str, vat_number: str) -> str:
    """The SIREN that both hold. Raises InvalidInput `company_number_invalid`."""
    company = check_siret(siret)[:9]
    if check_vat(vat_number)[-9:] != company:
        raise InvalidInput(
            "The SIRET and the VAT number are of two companies.",
            code="company_number_invalid",
            field="number",
        )
    return company


def vat_of(number: str) -> str:
    """The VAT number of a SIREN."""
    checked = check_siren(number)
    return f"FR{int(f'{checked}12') % 97:02d}{checked}"


def _checked(standard: Any, number: str, *, what: str, figures: int) -> str:
    try:
        return str(standard.validate(number))
    except ValidationError:
        raise InvalidInput(
            f"This is not a valid {what}; please check its {figures} characters.",
            code="company_number_invalid",
            field="number",
        ) from None
