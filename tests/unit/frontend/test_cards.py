"""What a card says of a price."""

from django.utils.translation import override

from commerce.ordering.domain.showcase import Shown
from frontend.shop.cards import plan_price
from tests.unit.ordering.shop import benefit, cart, line, priced, promotion, snapshot


def following(*benefits: dict[str, object]) -> str:
    """What a plan of 19.99 costs after its first months."""
    when = {"fact": "term_months", "is": 24}
    given = promotion("months", when=when, benefits=list(benefits))
    quote = priced(cart(line("1", "horizon", term=24)), given)
    shown = Shown(snapshot().offering("horizon"), alone=quote, bundled=quote, term=24)
    with override("en"):
        return str(plan_price(shown)["following"]).replace("\u00a0", " ")


def months(percent: str, first: int, periods: int) -> dict[str, object]:
    return benefit("percent_off", percent, on="plan", first=first, periods=periods)


def test_what_follows_the_first_months_stands_beside_them_with_its_day() -> None:
    assert following(months("100", 1, 6)) == (
        "for 6 months, then €19.99 per month from 25 May 2027."
    )


def test_no_month_between_is_left_out() -> None:
    assert following(months("100", 1, 3), months("50", 4, 3)) == (
        "€0 per month for 3 months, €9.99 per month for 3 months,"
        " then €19.99 per month from 25 May 2027."
    )
