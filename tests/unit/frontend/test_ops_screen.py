"""What operators read of a held bill."""

from datetime import UTC, datetime

from django.utils.translation import override

from frontend.account.einvoices import error_text
from frontend.ops.screen import account_rows
from subscriptions.domain.views import ParkedAccount


def test_what_differs_is_read_as_amount_rate_or_day() -> None:
    said = [
        ("price", "11.00", "12.50"),
        ("tax", "20.00", "5.50"),
        ("start", "2026-11-23", "2026-12-01"),
        ("missing", "1234.5", ""),
        ("start", "None", "2026-12-01"),
        ("already_billed", "", "a sentence"),
    ]
    reasons = [
        {"rule": rule, "line": "F-1 i/c period 3", "promised": promised, "billed": billed}
        for rule, promised, billed in said
    ]
    account = ParkedAccount(
        account_id=1, party_id=1, rule="price", parked_at=datetime(2026, 11, 23, tzinfo=UTC),
        reasons=tuple(reasons), held_bill=None, gross=None, period=None,
    )  # fmt: skip
    with override("en"):
        (row,) = account_rows([account])
    assert [(each["promised"], each["billed"]) for each in row["reasons"]] == [
        ("\u20ac11.00", "\u20ac12.50"),
        ("20 %", "5.5 %"),
        ("23\u00a0November 2026", "1\u00a0December 2026"),
        ("\u20ac1,234.50", ""),
        ("", "1\u00a0December 2026"),
        ("", "a sentence"),
    ]


def test_the_platforms_answer_is_read_in_our_words_where_we_have_some() -> None:
    with override("en"):
        said = [error_text(each) for each in ("totals: No.", "Z9: Not today.", "")]
    assert said == ["The totals don't add up.", "Z9: Not today.", ""]
