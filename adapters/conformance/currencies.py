"""Amounts in every currency: what the processor counts is held against what was asked for."""

from typing import Final

from adapters.conformance import asking
from adapters.conformance.shop import SECOND, Request, Shop
from adapters.conformance.verdict import expect
from adapters.contract import OPERATION_PREFIX, AmountRange
from normalization.money import EXPONENT, Currency, InexactAmountError
from normalization.outcome import Approved, Declined, Operation, Report

ROUND_MINOR: Final = 123_000
"""Whole in the unit of every processor, above the smallest amounts and below the largest."""
ODD_MINOR: Final = 123_457
"""Has digits that a coarser unit cannot hold."""
PART_MINOR: Final = 41_000


@SECOND.rule(digits=(0, 2, 3, 4))
async def every_currency_is_charged_to_the_digit(shop: Shop, digits: int) -> None:
    """By their ISO 4217 digits; the processor's own may differ, and then a hundredfold is charged."""
    for currency in (one for one in shop.harness.exponents if EXPONENT[one] == digits):
        if not _within(shop, currency, ROUND_MINOR):
            continue
        request = _purchase(shop, currency, ROUND_MINOR)
        report = await shop.reported(request)
        outcome = await shop.final(request, report)
        expect(outcome == Approved(), f"{ROUND_MINOR} {currency} is approved", outcome)
        await _counted(shop, request, report)
        for told in await shop.told(request):
            expect(told.money in {None, request.money}, f"the webhook gives {ROUND_MINOR} {currency}", told.money)


@SECOND.rule(digits=(0, 2, 3, 4))
async def an_amount_that_cannot_be_sent_is_refused_and_never_rounded(shop: Shop, digits: int) -> None:
    """To the digit, or not at all."""
    for currency in (one for one in shop.harness.exponents if EXPONENT[one] == digits):
        if not _within(shop, currency, ODD_MINOR):
            continue
        request = _purchase(shop, currency, ODD_MINOR)
        report = await shop.reported(request)
        if isinstance(report.outcome, Declined):
            charges = (await shop.moved(request.operation_id)).charges
            expect(charges == 0, f"a refused {ODD_MINOR} {currency} charges nothing", charges)
        else:
            await _counted(shop, request, report)


@SECOND.rule(operation=(Operation.CAPTURE, Operation.REFUND))
async def a_part_is_counted_in_the_same_unit(shop: Shop, operation: Operation) -> None:
    """Captures and refunds too, in currencies of every kind that the processor takes."""
    first = Operation.AUTHORIZE if operation is Operation.CAPTURE else Operation.PURCHASE
    for currency in _of_each_kind(shop):
        opening = asking.opening(
            first, shop.harness.token, currency, minor=ROUND_MINOR, operation_id=f"att_conformance{currency}"
        )
        parent = (await shop.reported(opening)).processor_reference or ""
        id = f"{OPERATION_PREFIX[operation]}conformance{currency}"
        request = asking.follow_up(operation, parent, currency, minor=PART_MINOR, operation_id=id)
        outcome = await shop.final(request, await shop.reported(request))
        expect(outcome == Approved(), f"the {operation} of {PART_MINOR} {currency} is approved", outcome)
        moved = await shop.moved(opening.operation_id)
        part = moved.captured if operation is Operation.CAPTURE else moved.refunded
        expect(part == shop.unit(request.money), f"the book has {PART_MINOR} {currency}", part)
        for told in await shop.told(request):
            expect(told.money in {None, request.money}, f"the webhook gives {PART_MINOR} {currency}", told.money)


@SECOND.rule()
async def a_currency_that_is_not_taken_is_a_decline(shop: Shop) -> None:
    """Whether the adapter knows or the processor says so; nothing is charged."""
    for currency in (one for one in Currency if one not in shop.harness.exponents):
        request = _purchase(shop, currency, ROUND_MINOR)
        report = await shop.reported(request)
        expect(isinstance(report.outcome, Declined), f"{currency} is declined", report)
        charges = (await shop.moved(request.operation_id)).charges
        expect(charges == 0, f"a refused payment in {currency} charges nothing", charges)


async def _counted(shop: Shop, request: Request, report: Report) -> None:
    asked = f"{request.money.minor} {request.money.currency}"
    moved = await shop.moved(request.operation_id)
    try:
        wanted = shop.unit(request.money)
    except InexactAmountError:
        expect(held=False, rule=f"{asked} cannot be sent and is refused", saw=moved)
    else:
        expect(moved.captured == wanted, f"the book has {asked}, counted as {wanted}", moved)
    expect(report.money in {None, request.money}, f"the report gives {asked}", report.money)


def _purchase(shop: Shop, currency: Currency, minor: int) -> Request:
    id = f"att_conformance{currency}"
    return asking.opening(Operation.PURCHASE, shop.harness.token, currency, minor=minor, operation_id=id)


def _within(shop: Shop, currency: Currency, minor: int) -> bool:
    taken = shop.capabilities.currencies
    if taken is not None and currency not in taken:
        return False
    amounts: AmountRange = (taken or {}).get(currency, shop.capabilities.amounts)
    return amounts.minimum_minor <= minor <= amounts.maximum_minor


def _of_each_kind(shop: Shop) -> list[Currency]:
    """Choose one for each pair of digits at ISO 4217 and at the processor."""
    taken = {one: digits for one, digits in shop.harness.exponents.items() if _within(shop, one, ROUND_MINOR)}
    kinds = {(EXPONENT[one], digits): one for one, digits in taken.items()}
    return list(kinds.values())
