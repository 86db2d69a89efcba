"""What a refusal means, told alike by answer, webhook and inquiry."""

from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from msgspec.structs import replace

from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.verdict import expect
from normalization.declines import MEANING, Category
from normalization.outcome import Declined, Operation, Outcome

TOLD: Final = frozenset({Category.SOFT, Category.HARD, Category.FRAUD})
"""The categories that any processor's test cards can show."""

SWAPPED: Final = 8
KINDS: Final = (digits, ascii_lowercase, ascii_uppercase)


@SECOND.rule()
async def the_server_can_refuse_in_every_way_that_matters(shop: Shop) -> None:
    """Else the other rules of this kind try nothing."""
    shown = {MEANING[code].category for code in shop.harness.declines}
    expect(shown >= TOLD, f"the harness's declines have one each of {', '.join(sorted(TOLD))}", shown)


@SECOND.rule(operation=(Operation.PURCHASE, Operation.AUTHORIZE))
async def a_refusal_means_the_same_wherever_it_is_heard(shop: Shop, operation: Operation) -> None:
    """A decline is returned, never raised; its raw code is kept, and nothing is charged."""
    for number, (code, token) in enumerate(shop.harness.declines.items()):
        request = shop.opening(operation, token, operation_id=f"att_conformance0001{number:04}")
        report = await shop.reported(request)
        expect(_code(report.outcome) == code, f"{token.token} is {code}", report.outcome)
        expect(isinstance(report.outcome, Declined) and report.outcome.decline.processor_code, "with its raw code")
        expect(report.tag == request.operation_id, "an answer carries the tag", report)
        for told in await shop.told(request):
            expect(_code(told.outcome) == code, f"the webhook says {code} too", told.outcome)
        found = await shop.resolved(request)
        expect(found is None or _code(found.outcome) == code, f"the inquiry says {code} too", found)
        expect((await shop.moved(request.operation_id)).charges == 0, "nothing is charged")


@SECOND.rule()
async def a_token_that_is_not_known_is_a_decline(shop: Shop) -> None:
    """Our books are wrong, not the processor; the payer may pay otherwise."""
    known = shop.harness.token
    request = shop.opening(Operation.PURCHASE, replace(known, token=f"{known.token}_unheard_of"))
    report = await shop.reported(request)
    expect(isinstance(report.outcome, Declined), "it is declined", report)
    expect((await shop.moved()).charges == 0, "nothing is charged")


@SECOND.rule(operation=(Operation.CAPTURE, Operation.VOID, Operation.REFUND))
async def a_follow_up_on_nothing_is_a_decline(shop: Shop, operation: Operation) -> None:
    """The processor knows no such payment."""
    parent = await shop.opened(Operation.AUTHORIZE)
    request = shop.follow_up(operation, _another(parent), 100)
    outcome = await shop.final(request, await shop.reported(request))
    expect(isinstance(outcome, Declined), f"the {operation} of an unknown payment is declined", outcome)
    moved = await shop.moved()
    expect((moved.captured, moved.refunded, moved.voided) == (0, 0, 0), "nothing moves", moved)


def _another(reference: str) -> str:
    """Make a reference of the same shape: the prefix kept, each of the last characters another of its kind."""
    after = str.maketrans("".join(KINDS), "".join(kind[1:] + kind[0] for kind in KINDS))
    return reference[:-SWAPPED] + reference[-SWAPPED:].translate(after)


def _code(outcome: Outcome) -> str:
    return outcome.decline.code if isinstance(outcome, Declined) else type(outcome).__name__
