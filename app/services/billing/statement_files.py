"""Statements as files: CSV for everybody, Beancount, camt.053 for accountants, and an invoice as a page."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from html import escape
from xml.etree import ElementTree as ET

from app.errors import Invalid
from app.formats.harmless import harmless
from app.models.billing.ledger import Currency
from app.services.billing.amounts import ZERO, written
from app.services.billing.statements import Line, Statement
from app.settings import settings

CENT = Decimal("0.01")
# What camt.053 has room for.
CAMT_SMALLEST = Decimal("0.00001")
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
COLUMNS = ("date", "operation", "kind", "cause", "amount", "balance", "currency", "reason", "reverses")


class StatementFormat(Enum):
    """A file format: a table, plain-text accounting, ISO 20022 (US dollars only), or a page to print.

    CSV: A table.
    BEANCOUNT: Plain-text accounting.
    CAMT053: ISO 20022 camt.053; US dollars only.
    INVOICE: A page to print.
    """

    CSV = "CSV"
    BEANCOUNT = "BEANCOUNT"
    CAMT053 = "CAMT053"
    INVOICE = "INVOICE"


def render(statement: Statement, kind: StatementFormat) -> str:
    """The statement in a format."""
    return _RENDERERS[kind](statement)


def as_csv(statement: Statement) -> str:
    """RFC 4180: one currency, ISO times, a point before decimals, the opening first and the closing last."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    bounds = (statement.since, "opening", statement.opening), (statement.until, "closing", statement.closing)
    [first, last] = [
        [at.isoformat(), "", name, "", "", f"{balance:f}", statement.currency.value, "", ""]
        for at, name, balance in bounds
    ]
    table.writerow(first)
    table.writerows(_row(statement, line) for line in statement.lines)
    table.writerow(last)
    return out.getvalue()


def _row(statement: Statement, line: Line) -> list[str]:
    operation = line.operation
    return [
        line.entry.created_at.isoformat(),
        str(operation.uuid),
        operation.kind.value,
        operation.cause.value,
        f"{line.entry.change:f}",
        f"{line.balance:f}",
        statement.currency.value,
        harmless(operation.reason or ""),
        str(line.reverses or ""),
    ]


def as_beancount(statement: Statement) -> str:
    """A ledger for Beancount: each operation with its other side, and the balances to check, exactly."""
    account, other = f"Assets:Fieldgraph:{_word(statement.currency)}", "Equity:Fieldgraph:Others"
    unit = statement.currency.value
    begins = statement.since.date()
    lines = [
        f'option "title" "{_quoted(statement.user.username)}: {unit}"',
        f'option "operating_currency" "{unit}"',
        f"{begins} open {account} {unit}",
        f"{begins} open {other} {unit}",
        "",
        f'{begins} * "Opening balance"',
        f"  {account}  {statement.opening:f} {unit}",
        f"  {other}  {-statement.opening:f} {unit}",
        "",
    ]
    for line in statement.lines:
        day, change = line.entry.created_at.date(), line.entry.change
        lines += [
            f'{day} * "{line.operation.cause.value}" "{_quoted(line.operation.reason or "")}" ^{line.operation.uuid}',
            f'  operation: "{line.operation.uuid}"',
            *([f'  reverses: "{line.reverses}"'] if line.reverses else []),
            f"  {account}  {change:f} {unit}",
            f"  {other}  {-change:f} {unit}",
            "",
        ]
    # A balance is that of the morning; and its tolerance would be guessed from its decimals.
    after = max([begins, *(line.entry.created_at.date() for line in statement.lines)]) + timedelta(days=1)
    return "\n".join([*lines, f"{after} balance {account}  {statement.closing:f} ~ 0 {unit}", ""])


def _word(currency: Currency) -> str:
    return currency.value.capitalize()


def _quoted(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())


def as_camt053(statement: Statement) -> str:
    """ISO 20022 camt.053.001.08, which knows currencies of ISO 4217 alone, and five decimals.

    Each amount is rounded once. What the rounding of all of them leaves between the balances is a line of its own.
    """
    if statement.currency is not Currency.USD:
        raise Invalid("format", "camt.053 is for US dollars. Choose CSV or BEANCOUNT for tokens and coupons.")
    ET.register_namespace("", CAMT)
    document = ET.Element(f"{{{CAMT}}}Document")
    body = _below(document, "BkToCstmrStmt")
    head = _below(body, "GrpHdr")
    # At most 35 characters: there is room for a billion people.
    identity = f"{statement.user.id}-{statement.since:%y%m%d%H%M%S}-{statement.until:%y%m%d%H%M%S}"
    _below(head, "MsgId", text=identity)
    _below(head, "CreDtTm", text=f"{statement.until:%Y-%m-%dT%H:%M:%SZ}")
    shown = _below(body, "Stmt")
    _below(shown, "Id", text=identity)
    _below(shown, "CreDtTm", text=f"{statement.until:%Y-%m-%dT%H:%M:%SZ}")
    period = _below(shown, "FrToDt")
    _below(period, "FrDtTm", text=f"{statement.since:%Y-%m-%dT%H:%M:%SZ}")
    _below(period, "ToDtTm", text=f"{statement.until:%Y-%m-%dT%H:%M:%SZ}")
    account = _below(shown, "Acct")
    _below(account, "Id", "Othr", "Id", text=f"fieldgraph-{statement.user.id}-usd")
    _below(account, "Ccy", text="USD")
    opening, closing = _camt(statement.opening), _camt(statement.closing)
    _balance(shown, "OPBD", opening, statement.since.date())
    _balance(shown, "CLBD", closing, statement.until.date())
    entries = [(_camt(line.entry.change), line) for line in statement.lines]
    for change, line in entries:
        at, reference = line.entry.created_at, line.operation.uuid.hex
        _entry(shown, change, at, reference, line.operation.cause.value, is_reversal=line.reverses is not None)
    if rest := closing - opening - sum((change for change, _ in entries), ZERO):
        _entry(shown, rest, statement.until, "rounding", "Rounding to five decimals")
    ET.indent(document)
    return ET.tostring(document, encoding="unicode", xml_declaration=True)


def _camt(amount: Decimal) -> Decimal:
    return amount.quantize(CAMT_SMALLEST, rounding=ROUND_HALF_EVEN)


def _below(parent: ET.Element, *names: str, text: str | None = None) -> ET.Element:
    """A chain of children, the last with this text."""
    for name in names:
        parent = ET.SubElement(parent, f"{{{CAMT}}}{name}")
    parent.text = text
    return parent


def _balance(shown: ET.Element, code: str, amount: Decimal, day: date) -> None:
    balance = _below(shown, "Bal")
    _below(balance, "Tp", "CdOrPrtry", "Cd", text=code)
    _amount(balance, amount)
    _below(balance, "Dt", "Dt", text=day.isoformat())


def _amount(parent: ET.Element, amount: Decimal) -> None:
    _below(parent, "Amt", text=f"{abs(amount):f}").set("Ccy", "USD")
    _below(parent, "CdtDbtInd", text="DBIT" if amount < 0 else "CRDT")


def _entry(
    shown: ET.Element, change: Decimal, at: datetime, reference: str, what: str, *, is_reversal: bool = False
) -> None:
    entry = _below(shown, "Ntry")
    _below(entry, "NtryRef", text=reference[:35])
    _amount(entry, change)
    if is_reversal:
        _below(entry, "RvslInd", text="true")
    _below(entry, "Sts", "Cd", text="BOOK")
    _below(entry, "BookgDt", "DtTm", text=f"{at:%Y-%m-%dT%H:%M:%S.%fZ}")
    # A code that every bank may use for what it does not tell apart.
    _below(entry, "BkTxCd", "Prtry", "Cd", text=what[:35])


def as_invoice(statement: Statement) -> str:
    """A page to print. Amounts are exact; what is due is rounded once, at the end, to cents for US dollars."""
    unit = statement.currency.value
    whose = f"{escape(statement.user.username)}, {statement.since:%Y-%m-%d} to {statement.until:%Y-%m-%d}, {unit}"
    rows = "".join(
        f"<tr><td>{line.entry.created_at:%Y-%m-%d}</td><td>{escape(line.operation.cause.value)}</td>"
        f"<td>{escape(line.operation.reason or '')}</td><td>{written(line.entry.change)}</td></tr>"
        for line in statement.lines
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Statement {unit}</title>'
        f"<h1>{escape(settings.invoice_issuer)}</h1>"
        f"<p>For {whose}</p>"
        "<table><tr><th>Date</th><th>What</th><th>Reason</th><th>Amount</th></tr>"
        f"<tr><td></td><td>Opening balance</td><td></td><td>{written(statement.opening)}</td></tr>{rows}"
        f"<tr><td></td><td>Closing balance</td><td></td><td>{written(statement.closing)}</td></tr></table>"
        f"<p>Spent in this period: <b>{total_spent(statement):f} {unit}</b></p></html>"
    )


def total_spent(statement: Statement) -> Decimal:
    """What was spent: the exact sum, rounded once."""
    step = CENT if statement.currency is Currency.USD else CAMT_SMALLEST
    return statement.debited.quantize(step, rounding=ROUND_HALF_EVEN)


_RENDERERS: dict[StatementFormat, Callable[[Statement], str]] = {
    StatementFormat.CSV: as_csv,
    StatementFormat.BEANCOUNT: as_beancount,
    StatementFormat.CAMT053: as_camt053,
    StatementFormat.INVOICE: as_invoice,
}
