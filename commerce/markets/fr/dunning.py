"""What becomes of an unpaid telecom bill in France, as custom has it; each operator may replace it
by a table of his own (setting `DUNNING_POLICY`).

A professional owes 40 EUR for each bill that he pays late, as of right (L441-10 II and D441-5 C.
com.); it is an indemnity, outside the scope of VAT. A consumer is charged no costs of recovery
before an enforceable title (L111-8 C. proc. civ. exéc.). Interest is owed by him as of right too
(`commerce/markets/fr/interest.py`); it is asked for once a bill is paid, if it is worth a line.
The end of the contract comes after its notice, so that it may still be taken back meanwhile.
A deposit is given back within ten days (L224-35 C. conso.): a week after the last bill.
A notice speaks of what comes next, so it is sent where that applies: who owed little for long is
told anew before anything is done to his lines.
"""

from collections.abc import Mapping
from typing import Any

from commerce.markets.fr.invoice import RECOVERY_INDEMNITY

POLICY: Mapping[str, Any] = {
    "steps": [
        {"code": "retry-1", "days": 2, "action": "retry", "segment": "consumer"},
        {"code": "reminder", "days": 4, "action": "message", "message": "dunning_reminder"},
        {"code": "retry-2", "days": 7, "action": "retry", "segment": "consumer"},
        {"code": "notice", "days": 10, "action": "message", "message": "dunning_notice",
         "least": "10.00"},
        {"code": "restrict", "days": 15, "action": "restrict", "least": "10.00"},
        {"code": "retry-3", "days": 20, "action": "retry", "segment": "consumer"},
        {"code": "suspend", "days": 30, "action": "suspend", "least": "10.00"},
        {"code": "last-notice", "days": 32, "action": "message", "message": "dunning_last_notice",
         "least": "30.00"},
        {"code": "terminate", "days": 40, "action": "terminate", "least": "30.00"},
    ],
    "hard_declines": [
        "lost_card", "stolen_card", "expired_card", "fraudulent", "pickup_card", "invalid_account",
        "incorrect_number", "card_not_supported", "restricted_card", "authentication_required",
        "card_removed", "debit_not_authorized", "no_mandate",
    ],
    "promise": {"days": 15, "times": 2},
    "deposit": {
        "days": 7,
        "amounts": {"suspend": "60.00", "terminate": "120.00", "lost": "150.00"},
    },
    "interest": {"segment": "business", "when": "paid", "least": "1.00"},
    "late_fee": {"amount": str(RECOVERY_INDEMNITY.amount), "segment": "business"},
}  # fmt: skip
