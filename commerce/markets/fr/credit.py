"""Devices paid in parts, in France.

To let a consumer pay later than on delivery is consumer credit (L311-1 and L312-1 C. conso.): it
wants a lender's information, a solvency check against the national file, a contract of its own and
a period to withdraw from it. What the code exempts changes on 20 November 2026 (directive
2023/2225), free credit of less than three months with it, so that nothing is offered here.

A firm is no consumer; its supplier may give it time as part of the sale (L511-7 I 1° CMF),
but no more than 60 days from the date of the bill (L441-10 I C. com.). Two parts are what fits:
with the bill, and with the next one. They go on when the line ends before.
"""

from decimal import Decimal

from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import AtEnd, CreditRules, CreditTerms

RULES = CreditRules(
    terms={
        "business": CreditTerms(
            parts=(2,),
            least=Money.of("100.00"),
            first_share=Decimal(0),
            cautious_share=Decimal("0.70"),
            longest_days=60,
            at_end=AtEnd.GOES_ON,
        )
    },
    closed={
        "consumer": Sentence(
            "Paying a device in parts is consumer credit (articles L312-1 and following of the "
            "consumer code), which we do not give."
        )
    },
)
