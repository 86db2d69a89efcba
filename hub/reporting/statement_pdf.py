"""A month-end statement as a PDF: one page header, a table for each currency, and the exceptions that were open."""

import io
from collections.abc import Sequence
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from hub.reporting.adding_up import PARTS
from hub.reporting.statement_showing import CurrencyMonth, StatementBody
from normalization.money import in_whole_units

LABELS: Final = {
    "captured": "Captured",
    "refunded": "Refunded",
    "disputed": "Disputed",
    "fees": "Fees",
    "reserve": "Reserve withheld or released",
    "own_funds": "Own funds moved in or out",
    "exchanged": "Exchanged for other currencies",
    "unexplained": "Unexplained, in suspense",
    "adjusted": "Settled by hand",
    "received": "Paid out, received by our bank",
}
_OF_WHICH: Final = {
    "outstanding": "of which not settled yet",
    "clearing": "of which settled, on its way to our bank",
}
_BESIDES: Final = {"reserve": "besides: held as a reserve", "unexplained": "besides: unexplained, in suspense"}
_MARGIN: Final = 20 * mm
_WIDTHS: Final = (105 * mm, 65 * mm)
_GRID: Final = (
    ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
    ("FONTSIZE", (0, 0), (-1, -1), 9),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ("LINEBELOW", (0, 0), (-1, 0), 0.6, colors.black),
    ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
)


def statement_pdf(body: StatementBody) -> bytes:
    """Write a statement; the same statement is the same bytes."""
    styles, file = getSampleStyleSheet(), io.BytesIO()
    story: list[Flowable] = []
    for month in body.data:
        story += [KeepTogether([Paragraph(month.currency, styles["Heading2"]), _month(month)]), Spacer(1, 6 * mm)]
    if not body.data:
        story.append(Paragraph("Nothing was booked, and nothing is outstanding.", styles["Normal"]))
    if body.exceptions:
        story += [Paragraph("Open exceptions", styles["Heading2"]), _exceptions(body)]
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=38 * mm,
        bottomMargin=_MARGIN,
        title=f"Statement {body.month}",
        author="Payment hub",
        invariant=1,
    )

    def header(canvas: Canvas, _document: object) -> None:
        _header(canvas, body)

    document.build(story, onFirstPage=header, onLaterPages=header)
    return file.getvalue()


def _header(canvas: Any, body: StatementBody) -> None:  # noqa: ANN401 - reportlab ships no types
    top = A4[1] - 15 * mm
    canvas.saveState()
    canvas.setFont("Helvetica-Bold", 13)
    canvas.drawString(_MARGIN, top, f"Statement {body.month}")
    canvas.setFont("Helvetica", 9)
    mode = "live" if body.livemode else "test"
    canvas.drawString(_MARGIN, top - 5 * mm, f"{_plain(body.name)}, {body.merchant_account}, {body.processor}, {mode}")
    told = "booked until the end of the month" if body.ended else "the month has not ended: booked so far"
    canvas.drawString(_MARGIN, top - 9 * mm, f"{told}, {body.until:%Y-%m-%d %H:%M} UTC")
    canvas.drawRightString(A4[0] - _MARGIN, top, f"page {canvas.getPageNumber()}")
    canvas.line(_MARGIN, top - 12 * mm, A4[0] - _MARGIN, top - 12 * mm)
    canvas.restoreState()


def _month(month: CurrencyMonth) -> Table:
    opening = in_whole_units(month.opening.balance, month.currency)
    rows: list[Sequence[str]] = [("", month.currency), ("Opening balance", opening)]
    for part in PARTS:
        minor = getattr(month, part)
        if minor or part in {"captured", "refunded", "fees", "received"}:
            rows.append((LABELS[part], in_whole_units(minor, month.currency)))
    closing = len(rows)
    rows.append(("Closing balance", in_whole_units(month.closing.balance, month.currency)))
    for name, label in (_OF_WHICH | _BESIDES).items():
        minor = getattr(month.closing, name)
        if minor or name in _OF_WHICH:
            rows.append((label, in_whole_units(minor, month.currency)))
    bold = [("FONTNAME", (0, at), (-1, at), "Helvetica-Bold") for at in (1, closing)]
    line = ("LINEABOVE", (0, closing), (-1, closing), 0.6, colors.black)
    return Table(rows, colWidths=_WIDTHS, style=TableStyle([*_GRID, *bold, line]), hAlign="LEFT")


def _exceptions(body: StatementBody) -> Table:
    rows = [("type", "open", "money at risk")]
    for one in body.exceptions:
        at_risk = f"{in_whole_units(one.amount, one.currency)} {one.currency}" if one.currency else ""
        rows.append((one.type, str(one.count), at_risk))
    return Table(rows, colWidths=(85 * mm, 20 * mm, 65 * mm), style=TableStyle([*_GRID]), repeatRows=1, hAlign="LEFT")


def _plain(name: str) -> str:
    """Keep of a name what the PDF's own font has."""
    return name.encode("cp1252", "replace").decode("cp1252")
