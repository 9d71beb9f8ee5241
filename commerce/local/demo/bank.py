"""What the firm's bank and ours do for it: a transfer for each of its bills, in a camt.053 file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

OUR_IBAN, FIRMS_IBAN = "FR7699999000010000000000115", "FR1420041010050500013M02606"
"""Ours is that of the settings; no such bank exists."""
FIRM = "Atelier Rivoire"


@dataclass(frozen=True, slots=True)
class Transfer:
    """`bill` is the number that it names."""

    bill: str
    amount: Decimal


def statement(transfers: Sequence[Transfer], *, on: date) -> str:
    """One statement of our account for that day, with nothing else on it."""
    came = sum((each.amount for each in transfers), start=Decimal(0))
    entries = "".join(_entry(each, on=on) for each in transfers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{on:%Y%m%d}</MsgId></GrpHdr><Stmt><Id>{on:%Y-%j}</Id>"
        f"<Acct><Id><IBAN>{OUR_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{_balance('OPBD', Decimal(0), on=on)}{_balance('CLBD', came, on=on)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def _entry(each: Transfer, *, on: date) -> str:
    return (
        f"<Ntry>{_sum(each.amount)}<Sts>BOOK</Sts><BookgDt><Dt>{on}</Dt></BookgDt>"
        f"<AcctSvcrRef>{escape(each.bill)}</AcctSvcrRef><NtryDtls><TxDtls>"
        "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f"<RltdPties><Dbtr><Nm>{FIRM}</Nm></Dbtr>"
        f"<DbtrAcct><Id><IBAN>{FIRMS_IBAN}</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf><Ustrd>{escape(each.bill)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _balance(code: str, amount: Decimal, *, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_sum(amount)}"
        f"<Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def _sum(amount: Decimal) -> str:
    return f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
