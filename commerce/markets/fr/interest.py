"""What a professional's late bill bears (L441-10 II C. com.): three times the legal rate, as its
mention says; the least that the law allows.

The legal rate is set for each half-year, among professionals as that for "all other cases" (L313-2
C. mon. fin.). The last one goes on until the next is entered.
"""

from datetime import date
from decimal import Decimal

from commerce.markets.pack import LateRate

TIMES = 3
LEGAL_RATES = {
    date(2024, 7, 1): Decimal("4.92"),
    date(2025, 1, 1): Decimal("3.71"),
    date(2025, 7, 1): Decimal("2.76"),
    date(2026, 1, 1): Decimal("2.62"),
}
"""Per cent a year, by the first day of the half-year."""

LATE_RATES = tuple(LateRate(since, TIMES * rate) for since, rate in sorted(LEGAL_RATES.items()))
