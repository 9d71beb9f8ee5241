"""What goes into files for spreadsheets."""

from decimal import Decimal

from commerce.web.tables import cell


def test_a_text_is_no_formula_and_a_figure_stays_one() -> None:
    told = ("=1+1", "@x", "-x", "Lune", "", Decimal("-1.00"), 3)
    assert [cell(each) for each in told] == [
        "'=1+1", "'@x", "'-x", "Lune", "", Decimal("-1.00"), 3
    ]  # fmt: skip
