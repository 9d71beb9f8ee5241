"""An invented merchant to try purchases on the bill with; see docs/merchant-sandbox.md."""

from decimal import Decimal

from commerce.accounts.demo import demo_secret
from subscriptions.carrier.models import Merchant
from subscriptions.carrier.services.merchants import MerchantContract, take_on
from subscriptions.domain.carrier import Category

CLIENT_ID = "merchant-lune"


def load_demo_merchant(url: str) -> dict[str, str]:
    """Take the merchant on whose shop stands at `url`, once; his program with its secret."""
    secret = demo_secret("client", CLIENT_ID, length=40)
    back = f"{url}/back" if url else ""
    if not Merchant.objects.filter(code="lune").update(return_to=back):
        contract = MerchantContract(
            code="lune",
            name="Éditions Lune",
            email="lune@editions.example",
            support="0800 000 001",
            categories=(Category.DIGITAL, Category.TICKET),
            tax_class="standard",
            tax_rate=Decimal(20),
            share=Decimal(70),
            fee=Decimal("0.05"),
            monthly={"lune-plus": Decimal("3.99")},
            return_to=back,
        )
        take_on(contract, client_id=CLIENT_ID, client_secret=secret)
    return {"role": "merchant", "client_id": CLIENT_ID, "client_secret": secret}
