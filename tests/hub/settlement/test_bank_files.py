"""Bank statements are read entry by entry, in whatever pieces they come; what is none is refused by why."""

from collections.abc import Sequence
from datetime import date

import pytest

from hub.settlement.bank_entries import BankEntry, BrokenEntry, NotAStatementError, masked
from hub.settlement.bank_files import LINE_MAX, read_bank_file
from normalization.money import Currency, Money

IBAN = "DE89 3704 0044 0532 0130 00"


def entry(amount: str = "140.11", *, direction: str = "CRDT", status: str = "<Sts>BOOK</Sts>", more: str = "") -> str:
    return f"""
        <Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{status}
          <BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt>{more}</Ntry>"""


def camt(*entries: str, version: str = "02", account: str = f"<IBAN>{IBAN.replace(' ', '')}</IBAN>") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
      <GrpHdr><MsgId>M1</MsgId></GrpHdr>
      <Stmt><Id>S1</Id><Acct><Id>{account}</Id></Acct>
        <Bal><Amt Ccy="EUR">9999.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>{"".join(entries)}
      </Stmt></BkToCstmrStmt></Document>""".encode()


REFERENCES = """<AcctSvcrRef>BANK7</AcctSvcrRef><NtryDtls><TxDtls>
    <Refs><EndToEndId>TX123XT batch 12, Shop</EndToEndId><InstrId>NOTPROVIDED</InstrId></Refs>
    <Amt Ccy="EUR">140.11</Amt><RmtInf><Ustrd>STRIPE PAYOUT</Ustrd></RmtInf></TxDtls></NtryDtls>"""


def read(content: bytes, size: int = 1 << 16) -> list[BankEntry | BrokenEntry]:
    return list(read_bank_file(content[at : at + size] for at in range(0, len(content), size)))


def entries(content: bytes) -> list[BankEntry]:
    found = read(content)
    return [one for one in found if isinstance(one, BankEntry)]


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_an_entry_is_read_with_its_references_whatever_the_pieces(size: int) -> None:
    assert read(camt(entry(more=REFERENCES)), size) == [
        BankEntry(
            key="DE89…3000:BANK7:2026-11-23:CRDT:14011",
            booked_on=date(2026, 11, 23),
            money=Money(14011, Currency.EUR),
            references=("BANK7", "TX123XT batch 12, Shop", "STRIPE PAYOUT"),
            account="DE89…3000",
        )
    ]


def test_what_left_the_account_is_below_zero() -> None:
    assert entries(camt(entry("11.00", direction="DBIT")))[0].money == Money(-1100, Currency.EUR)


@pytest.mark.parametrize("version", ["02", "04", "06", "08"])
def test_every_version_that_is_promised_is_read(version: str) -> None:
    status = "<Sts><Cd>BOOK</Cd></Sts>" if version == "08" else "<Sts>BOOK</Sts>"

    assert len(read(camt(entry(status=status), version=version))) == 1


@pytest.mark.parametrize("status", ["<Sts>PDNG</Sts>", "<Sts><Cd>INFO</Cd></Sts>"])
def test_what_is_not_booked_yet_is_no_entry(status: str) -> None:
    assert read(camt(entry(status=status))) == []


def test_entries_without_a_reference_keep_their_names_when_told_again() -> None:
    content = camt(entry(), entry(), account="<Othr><Id>0123456789</Id></Othr>")
    first = entries(content)

    assert len({one.key for one in first}) == 2
    assert entries(content) == first
    assert first[0].account == "0123…6789"


@pytest.mark.parametrize(
    ("broken", "column"),
    [
        (entry("140,11"), "Ntry/Amt"),
        (entry("140.111"), "Ntry/Amt"),
        (entry(direction="IN"), "Ntry/CdtDbtInd"),
        (entry().replace('"EUR"', '"XXX"'), "Ntry/Amt/@Ccy"),
        (entry().replace("2026-11-23", "soon"), "Ntry/BookgDt"),
    ],
)
def test_an_entry_that_cannot_be_read_is_told_by_line_and_element_and_the_rest_is_kept(
    broken: str, column: str
) -> None:
    found = read(camt(broken, entry()))

    assert [type(one) for one in found] == [BrokenEntry, BankEntry]
    assert isinstance(found[0], BrokenEntry)
    assert (found[0].column, found[0].line) == (column, 6)


DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "aaaa">]><Document>&a;</Document>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE Document SYSTEM "file:///etc/passwd"><Document/>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (DOCTYPE, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        (camt(version="09"), "001.02 to 001.08"),
        (b"<html><body/></html>", "001.02 to 001.08"),
        (camt(entry())[:-20], "is no complete XML"),
        (camt().replace(b"</BkToCstmrStmt>", b"<a>" * 50 + b"</a>" * 50 + b"</BkToCstmrStmt>"), "deep"),
        (b"when,how much\n", "lacks date or booking_date or booked_on, amount, currency"),
        (b"\xff\xfed\x00a\x00", "UTF-8"),
        (b"x" * (LINE_MAX + 1), "line of more than"),
        (b'date,amount,currency\n"' + b"x\n" * 90_000, "is no CSV"),
    ],
)
def test_what_is_no_statement_is_refused_as_a_whole(content: bytes, message: str) -> None:
    with pytest.raises(NotAStatementError, match=message):
        read(content)


CSV = """Booked_on,Amount,Currency,Reference,Description,IBAN
2026-11-23,140.11,EUR,TX123XT,"Adyen, batch 12",DE89 3704 0044 0532 0130 00
2026-11-23,-3.00,EUR,,Bank fee,DE89 3704 0044 0532 0130 00
2026-11-23,-3.00,EUR,,Bank fee,DE89 3704 0044 0532 0130 00

2026-11-24,"1.000,00",EUR,,,
2026-11-24,1.00
"""


@pytest.mark.parametrize("content", [CSV, CSV.replace("\n", "\r\n"), "\ufeff" + CSV, CSV.rstrip()])
@pytest.mark.parametrize("size", [3, 1 << 16])
def test_a_csv_statement_is_read_by_the_names_of_its_columns(content: str, size: int) -> None:
    found = read(content.encode(), size)
    good = [one for one in found if isinstance(one, BankEntry)]
    broken = [one for one in found if isinstance(one, BrokenEntry)]

    assert good[0] == BankEntry(
        key="DE89…3000:2026-11-23:14011:EUR::TX123XT:Adyen, batch 12",
        booked_on=date(2026, 11, 23),
        money=Money(14011, Currency.EUR),
        references=("TX123XT", "Adyen, batch 12"),
        account="DE89…3000",
    )
    assert len({one.key for one in good}) == 3
    assert [(one.line, one.column) for one in broken] == [(6, "amount"), (7, None)]


def test_an_entry_with_a_name_of_its_own_is_called_by_it() -> None:
    content = b"id,date,amount,currency\nE1,2026-11-23,1.00,EUR\n"

    assert [one.key for one in entries(content)] == [":2026-11-23:100:EUR:E1"]


@pytest.mark.parametrize(("account", "shown"), [("", None), ("1234 5678", "…"), (IBAN, "DE89…3000")])
def test_an_account_is_masked_but_for_its_ends(account: str, shown: str | None) -> None:
    assert masked(account) == shown


def test_long_lists_of_references_are_cut() -> None:
    texts: Sequence[str] = [f"<Ustrd>{'x' * 600}{number}</Ustrd>" for number in range(3)]

    (one,) = entries(camt(entry(more=f"<NtryDtls><TxDtls><RmtInf>{''.join(texts)}</RmtInf></TxDtls></NtryDtls>")))

    assert one.references == ("x" * 500,)


def keys(*rows: str) -> list[str]:
    content = "\n".join(["date,amount,currency,id,description", *rows]).encode()
    return [one.key for one in read(content) if isinstance(one, BankEntry)]


def test_entries_that_say_different_things_have_different_names_in_whatever_statement_they_come() -> None:
    assert keys("2026-11-23,10.00,EUR,,one") != keys("2026-11-23,10.00,EUR,,other")


def test_an_entry_with_a_very_long_reference_has_a_name_that_a_database_can_hold() -> None:
    (one,) = keys(f"2026-11-23,10.00,EUR,{'x' * 5_000},payout")

    assert len(one) < 300


def test_a_banks_name_that_stands_on_two_bookings_names_both() -> None:
    assert len(set(keys("2026-11-23,10.00,EUR,B7,payout", "2026-11-23,-0.40,EUR,B7,its fee"))) == 2


def test_an_entry_is_of_the_day_that_the_bank_says_whatever_day_it_is_elsewhere() -> None:
    (found,) = entries(b"date,amount,currency\n2026-11-23T00:30:00+02:00,1.00,EUR\n")

    assert found.booked_on == date(2026, 11, 23)


@pytest.mark.parametrize("encoding", ["utf-7", "UTFm8", "idna", "punycode", "undefined", "gb2312"])
def test_a_statement_in_an_encoding_that_nobody_reads_is_refused(encoding: str) -> None:
    with pytest.raises(NotAStatementError, match="encoding"):
        read(camt(entry()).replace(b'"UTF-8"', f'"{encoding}"'.encode()))
