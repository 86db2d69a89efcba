"""Bank statements in camt.053, read as their bytes come; a document type or an entity is refused, not followed.

Source: https://www.iso20022.org/catalogue-messages (camt.053.001.02 to .08, Bank-to-Customer Statement). Only booked
entries count. An entry that bundles several payments is one entry, with the references of all of them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn
from xml.parsers import expat

from hub.settlement.bank_entries import (
    REFERENCES_MAX,
    TEXT_MAX,
    BankEntry,
    BrokenEntry,
    NotAStatementError,
    masked,
)
from normalization.cells import CellError, currency_of, instant, minor_units
from normalization.money import Money

DEPTH_MAX: Final = 40
_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.0[2-8]")
_SEPARATOR: Final = " "
_STATEMENT: Final = ("Document", "BkToCstmrStmt", "Stmt")
_ENTRY: Final = (*_STATEMENT, "Ntry")
_AMOUNT: Final = "Amt"
_BOOKED: Final = "BOOK"

_ACCOUNT: Final = frozenset({("Acct", "Id", "IBAN"), ("Acct", "Id", "Othr", "Id")})
_FACTS: Final = {
    ("Amt",): _AMOUNT,
    ("CdtDbtInd",): "CdtDbtInd",
    ("Sts",): "Sts",
    ("Sts", "Cd"): "Sts",
    ("BookgDt", "Dt"): "BookgDt",
    ("BookgDt", "DtTm"): "BookgDt",
    ("ValDt", "Dt"): "ValDt",
    ("ValDt", "DtTm"): "ValDt",
    ("AcctSvcrRef",): "AcctSvcrRef",
    ("NtryRef",): "NtryRef",
}
"""What of an entry is read, by its path below the entry."""
_TEXTS: Final = frozenset({"EndToEndId", "InstrId", "TxId", "Ustrd", "AddtlNtryInf", "AddtlTxInf", "Ref", "PmtInfId"})
"""Elements anywhere in an entry whose texts may name a payout."""
_NOTHING: Final = frozenset({"NOTPROVIDED", "NONREF"})
"""What banks write where there is no reference."""


class Statements:
    """Takes a file's bytes piece by piece and gives the entries that are whole."""

    def __init__(self) -> None:
        """Begin."""
        self._parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        self._path: list[str] = []
        self._cell: list[str] = []
        self._entries: list[BankEntry | BrokenEntry] = []
        self._seen: Counter[str] = Counter()
        self._statement = ""
        self._account: str | None = None
        self._begin_entry()

    def feed(self, piece: bytes, *, final: bool = False) -> Iterator[BankEntry | BrokenEntry]:
        """Read on.

        Raises:
            NotAStatementError: when it is no XML, or no camt.053 of a version that is read.
        """
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError as failure:
            where = f"line {failure.lineno}, column {failure.offset + 1}"
            raise NotAStatementError(f"is no complete XML: {expat.ErrorString(failure.code)}, {where}") from None
        except (LookupError, ValueError):  # What Python says of encodings that it does not know, or cannot give expat.
            raise NotAStatementError("declares an encoding that is not read; write it in UTF-8") from None
        found, self._entries = self._entries, []
        return iter(found)

    def _begin_entry(self) -> None:
        self._facts: dict[str, str] = {}
        self._currency = ""
        self._texts: list[str] = []
        self._line = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        if not self._path and (local != "Document" or not _NAMESPACE.fullmatch(namespace)):
            raise NotAStatementError("is no camt.053 of the versions 001.02 to 001.08; its first element names another")
        self._path.append(local)
        if len(self._path) > DEPTH_MAX:
            raise NotAStatementError(f"has elements more than {DEPTH_MAX} deep")
        self._cell = []
        here = tuple(self._path)
        if here == _STATEMENT:
            self._statement, self._account = "", None
        elif here == _ENTRY:
            self._begin_entry()
            self._line = self._parser.CurrentLineNumber
        elif here == (*_ENTRY, _AMOUNT):
            self._currency = attributes.get("Ccy", "")

    def _text(self, text: str) -> None:
        if sum(map(len, self._cell)) < TEXT_MAX:
            self._cell.append(text)

    def _end(self, _name: str) -> None:
        here = tuple(self._path)
        text = "".join(self._cell).strip()[:TEXT_MAX]
        self._path.pop()
        self._cell = []
        if here[: len(_STATEMENT)] != _STATEMENT:
            return
        below = here[len(_STATEMENT) :]
        if below[:1] == ("Ntry",):
            self._end_in_entry(below[1:], text)
        elif below == ("Id",):
            self._statement = text
        elif below in _ACCOUNT:
            self._account = masked(text)

    def _end_in_entry(self, below: tuple[str, ...], text: str) -> None:
        if not below:
            self._close_entry()
        elif below in _FACTS:
            if text:
                self._facts[_FACTS[below]] = text
        elif below[-1] in _TEXTS and text and text not in _NOTHING and len(self._texts) < REFERENCES_MAX:
            self._texts.append(text)

    def _close_entry(self) -> None:
        if self._facts.get("Sts", _BOOKED) != _BOOKED:
            return
        try:
            self._entries.append(self._entry())
        except CellError as unreadable:
            self._entries.append(BrokenEntry(line=self._line, column=unreadable.column, message=str(unreadable)))

    def _entry(self) -> BankEntry:
        facts = self._facts
        currency = currency_of(self._currency, "Ntry/Amt/@Ccy")
        minor = minor_units(facts.get(_AMOUNT, ""), currency, "Ntry/Amt")
        direction = facts.get("CdtDbtInd")
        if direction not in {"CRDT", "DBIT"}:
            raise CellError("Ntry/CdtDbtInd", "is neither CRDT nor DBIT")
        booked = facts.get("BookgDt") or facts.get("ValDt", "")
        own = [text for name in ("AcctSvcrRef", "NtryRef") if (text := facts.get(name))]
        return BankEntry(
            key=self._key(own[0] if own else "", booked, direction, minor),
            booked_on=instant(booked[:10], "Ntry/BookgDt").date(),
            money=Money(minor if direction == "CRDT" else -minor, currency),
            references=tuple(dict.fromkeys([*own, *self._texts])),
            account=self._account,
        )

    def _key(self, reference: str, booked: str, direction: str, minor: int) -> str:
        """Name an entry by the bank's reference, day and amount, and by its place where those come twice."""
        name = f"{self._account or ''}:{reference or self._statement}:{booked[:10]}:{direction}:{minor}"
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}:{self._seen[name]}"


def read_camt(pieces: Iterable[bytes]) -> Iterator[BankEntry | BrokenEntry]:
    """Read a file.

    Raises:
        NotAStatementError: when it is none.
    """
    statements = Statements()
    for piece in pieces:
        yield from statements.feed(piece)
    yield from statements.feed(b"", final=True)


def _refuse_doctype(*_declared: object) -> NoReturn:
    raise NotAStatementError("declares a document type or an entity, which a bank statement has no use for")
