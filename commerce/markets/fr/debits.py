"""Direct debits. The SEPA Core rulebook has the creditor tell the payer of each debit 14 days
before it, unless both agreed on less; what the payer asks back within eight weeks his bank pays
back (L133-25-1 of the code monétaire et financier)."""

from commerce.markets.pack import DebitRules

RULES = DebitRules(notice_days=14, refund_weeks=8)
LETTER_DAYS = 5
"""What a letter at the ordinary rate is given to arrive: three working days and a week-end."""
