"""What the merchant sells; prices in cents, tax included."""

from dataclasses import dataclass

NAME = "Éditions Lune"


@dataclass(frozen=True, slots=True)
class Product:
    """`category` is the merchant's own word for it; `monthly` is paid month after month."""

    code: str
    name: str
    category: str
    cents: int
    monthly: bool = False

    @property
    def price(self) -> str:
        return f"{self.cents / 100:.2f}"


PRODUCTS = {
    each.code: each
    for each in (
        Product("lune-42", "Lune, no 42", "press", 499),
        Product("lune-plus", "Lune+", "press", 399, monthly=True),
        Product("lecture", "Nuit de la lecture", "events", 1200),
    )
}
