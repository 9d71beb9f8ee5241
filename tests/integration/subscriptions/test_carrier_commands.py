"""The commands about merchants and contracts say what is wrong with what they are told, and then
nothing is stored."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from oauth2_provider.models import get_application_model

from commerce.accounts.models import Organisation, Party
from commerce.accounts.selectors import legal_identities
from commerce.accounts.services.organisations import create_organisation
from commerce.kernel.errors import Conflict
from subscriptions.carrier.models import Merchant, MerchantTerms

pytestmark = pytest.mark.django_db
RIGHT = {
    "code": "soleil",
    "name": "Radio Soleil",
    "email": "s@example.test",
    "support": "0800 000 002",
    "--share": "60",
    "--category": "digital",
}

TOLD = {
    "--selling": "told",
    "--category": "ticket",
    "--legal-name": "Radio Soleil SA",
    "--siren": "732829320",
    "--street": "2 rue Haute",
    "--postcode": "69001",
    "--city": "Lyon",
}


def take_on(**changed: str) -> None:
    told = {**RIGHT, **{name.replace("_", "-"): value for name, value in changed.items()}}
    options = [each for name in told if name.startswith("--") for each in (name, told[name])]
    call_command(
        "take_on_merchant", *(told[name] for name in RIGHT if not name.startswith("--")), *options
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--return-to": "nowhere"}, "begins with https://"),
        ({"--return-to": "https://u:p@shop.example"}, "no password"),
        ({"--share": "101"}, "from 0 to 100"),
        ({"--share": "much"}, "no amount"),
        ({"--share": "NaN"}, "no amount"),
        ({"--fee": "-0.01"}, "not below zero"),
        ({"--fee": "0.001"}, "no amount"),
        ({"--tax-rate": "100"}, "below zero"),
        ({"--refund-days": "-1"}, "below zero"),
        ({"--monthly": "radio"}, "--monthly radio"),
        ({"--monthly": "radio=x"}, "no amount"),
        ({"--monthly": "radio=0"}, "in cents"),
        ({"--selling": "told"}, "never sold in the merchant's name"),
        ({"--selling": "told", "--category": "ticket"}, "name his company"),
        ({**TOLD, "--siren": "732829321"}, "Check the SIREN"),
        ({**TOLD, "--vat-number": "FR00732829320"}, "Check the VAT number"),
        ({**TOLD, "--city": " "}, "The city of the company"),
        ({"--most-per-month": "-0.01"}, "not below zero"),
        ({"--category": "donation"}, "donations always are"),
        ({"--category": "donation", "--selling": "told"}, "holds no tax"),
        ({"--tax-class": "collected"}, "never of what is sold"),
        ({"--tax-class": "x" * 31}, "from 1 to 30"),
        ({"code": "so leil"}, "letters, digits and hyphens"),
        ({"code": "x" * 41}, "from 1 to 40"),
        ({"name": " "}, "from 1 to 80"),
        ({"support": "x" * 121}, "from 1 to 120"),
        ({"email": "nobody"}, "e-mail"),
    ],
)
def test_a_merchant_is_not_taken_on_by_halves(
    changed: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as refusal:
        take_on(**changed)
    assert said in str(refusal.value)
    assert not Merchant.objects.exists()
    assert not Party.objects.exists()
    assert not get_application_model().objects.exists()
    assert "client_secret" not in capsys.readouterr().out


def test_a_code_is_one_merchants() -> None:
    take_on()
    with pytest.raises(CommandError, match="Another merchant has this code"):
        take_on()
    assert Merchant.objects.count() == Party.objects.count() == 1


def test_a_merchant_is_taken_on_with_all_that_his_contract_says() -> None:
    options = {"--refund-days": "14", "--fee": "0.05", "--most-per-month": "30"}
    take_on(**TOLD, **options)
    row = Merchant.objects.get()
    told = (row.selling, row.refund_days, str(row.fee), str(row.most_per_month))
    assert told == ("told", 14, "0.05", "30.00")
    identity = legal_identities([row.party_id])[row.party_id]
    assert (identity.name, identity.company_number) == ("Radio Soleil SA", "732829320")
    assert (identity.line1, identity.postcode, identity.city) == ("2 rue Haute", "69001", "Lyon")


def test_a_merchant_has_several_contracts_and_may_be_a_customer_too() -> None:
    take_on(**TOLD)
    take_on(**{**TOLD, "code": "soleil-don", "--category": "donation", "--tax-rate": "0"})
    create_organisation(legal_name="Radio Soleil SA", siren="732829320", email="s@example.test")
    assert Organisation.objects.filter(siren="732829320").count() == 3
    with pytest.raises(Conflict) as refusal:
        create_organisation(legal_name="Autre", siren="732829320", email="a@example.test")
    assert refusal.value.code == "siren_taken"


@pytest.mark.parametrize(
    ("code", "told", "said"),
    [
        ("nobody", ("--since", "2027-01-01", "--share", "50"), "no such merchant"),
        ("soleil", ("--since", "2027-01-02", "--share", "50"), "first of a month"),
        ("soleil", ("--since", "2027-01-01", "--share", "NaN"), "no amount"),
        ("soleil", ("--since", "soon", "--share", "50"), "invalid"),
    ],
)
def test_terms_that_are_none_are_not_agreed(code: str, told: tuple[str, ...], said: str) -> None:
    take_on()
    with pytest.raises(CommandError, match=said):
        call_command("agree_merchant_terms", code, *told)
    assert not MerchantTerms.objects.exists()


@pytest.mark.parametrize("text", ["", "a word", "- a list", "code: x", "{", "from_on: soon"])
def test_a_file_that_announces_nothing_is_said_to_be_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "terms.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=r"terms\.yaml"):
        call_command("announce_terms", str(file))


def test_demo_credentials_that_can_not_be_written_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be written"):
        call_command("load_demo", "--json", str(tmp_path / "missing" / "who.json"))
