"""Bank files as a bank writes them (camt.053.001.02 and .08), for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

IBAN = "FR7699999000010000000000115"
PAYER = "FR1420041010050500013M02606"


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer in, or, below zero, out."""

    amount: str
    text: str = ""
    ref: str = ""
    structured: str = ""
    name: str = "Atelier"
    iban: str = PAYER
    end_to_end: str = "NOTPROVIDED"
    returned: str = ""
    on: str = "2026-03-20"
    valued: str = ""
    state: str = "BOOK"


def bank_file(
    *moved: Moved,
    statement: str = "2026-079",
    opening: str = "1000.00",
    closing: str = "",
    iban: str = IBAN,
    version: str = "02",
    currency: str = "EUR",
) -> bytes:
    """One statement; its closing balance is right unless another is said."""
    booked = sum(Decimal(each.amount) for each in moved if each.state == "BOOK")
    closing = closing or str(Decimal(opening) + booked)
    entries = "".join(_entry(each, version=version, currency=currency) for each in moved)
    return _whole(
        f"<Stmt><Id>{statement}</Id><CreDtTm>2026-03-21T05:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f"{_balance('OPBD', opening, currency)}{_balance('CLBD', closing, currency)}{entries}"
        "</Stmt>",
        version=version,
    )


def batch(total: str, parts: Sequence[Moved], *, opening: str = "0.00") -> bytes:
    """One entry of several transfers."""
    inner = "".join(_details(each, version="02", currency="EUR", own=True) for each in parts)
    return _whole(
        f"<Stmt><Id>2026-080</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id></Acct>"
        f"{_balance('OPBD', opening, 'EUR')}"
        f"{_balance('CLBD', str(Decimal(opening) + Decimal(total)), 'EUR')}"
        f'<Ntry><Amt Ccy="EUR">{total}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
        "<BookgDt><Dt>2026-03-20</Dt></BookgDt><AcctSvcrRef>LOT-1</AcctSvcrRef>"
        f"<NtryDtls>{inner}</NtryDtls></Ntry></Stmt>",
        version="02",
    )


def _whole(statement: str, *, version: str) -> bytes:
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{space}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M1</MsgId></GrpHdr>{statement}</BkToCstmrStmt></Document>"
    ).encode()


def _balance(code: str, amount: str, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_sum(amount, currency)}"
        "<Dt><Dt>2026-03-20</Dt></Dt></Bal>"
    )


def _sum(amount: str, currency: str) -> str:
    value = Decimal(amount)
    sign = "DBIT" if value < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{abs(value)}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'


def _entry(each: Moved, *, version: str, currency: str) -> str:
    state = f"<Cd>{each.state}</Cd>" if version == "08" else each.state
    ref = f"<AcctSvcrRef>{each.ref}</AcctSvcrRef>" if each.ref else ""
    valued = f"<ValDt><Dt>{each.valued}</Dt></ValDt>" if each.valued else ""
    return (
        f"<Ntry>{_sum(each.amount, currency)}<Sts>{state}</Sts>"
        f"<BookgDt><Dt>{each.on}</Dt></BookgDt>{valued}{ref}"
        f"<NtryDtls>{_details(each, version=version, currency=currency)}</NtryDtls></Ntry>"
    )


def _details(each: Moved, *, version: str, currency: str, own: bool = False) -> str:
    side = "Cdtr" if Decimal(each.amount) < 0 else "Dbtr"
    name = f"<Nm>{escape(each.name)}</Nm>"
    name = f"<Pty>{name}</Pty>" if version == "08" else name
    amount = (
        f'<AmtDtls><TxAmt><Amt Ccy="{currency}">{abs(Decimal(each.amount))}</Amt></TxAmt></AmtDtls>'
        if own
        else ""
    )
    text = f"<Ustrd>{escape(each.text)}</Ustrd>" if each.text else ""
    structured = (
        f"<Strd><CdtrRefInf><Ref>{each.structured}</Ref></CdtrRefInf></Strd>"
        if each.structured
        else ""
    )
    returned = f"<RtrInf><Rsn><Cd>{each.returned}</Cd></Rsn></RtrInf>" if each.returned else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{each.end_to_end}</EndToEndId></Refs>{amount}"
        f"<RltdPties><{side}>{name}</{side}><{side}Acct><Id><IBAN>{each.iban}</IBAN></Id></{side}Acct>"
        f"</RltdPties><RmtInf>{text}{structured}</RmtInf>{returned}</TxDtls>"
    )
