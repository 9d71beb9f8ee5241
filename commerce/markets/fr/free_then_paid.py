"""What is free at first beside a contract goes on for money only with the express consent of the
consumer (the former L121-84-4 of the consumer code, kept when it was numbered anew): "tout service
accessoire" of a contract of electronic communications, so contents and options of the line alike.

The law names no days: how long before the first paid day he is asked, and until when his answer
counts, are ours.
"""

from commerce.markets.pack import FreeThenPaidRules

RULES = FreeThenPaidRules(kinds=frozenset({"content", "option"}), asks_days=14, answers_days=2)
