"""Bill days: no law names them; a month without the 29th must have one all the same."""

from commerce.markets.pack import CycleRules

RULES = CycleRules(days=tuple(range(1, 29)), months_between=6)
