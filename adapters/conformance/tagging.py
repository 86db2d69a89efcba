"""What routing decided travels to the processor, so that whoever looks there finds the way back."""

from adapters.conformance import asking
from adapters.conformance.bench import FIRST, Bench
from adapters.conformance.stub import answers
from adapters.conformance.verdict import expect
from normalization.outcome import Operation


@FIRST.rule(operation=(Operation.PURCHASE, Operation.AUTHORIZE))
async def the_account_and_the_rule_reach_the_processor(bench: Bench, operation: Operation) -> None:
    """Merchant account, ruleset, version and rule stand in what opens a payment, under the kit's own words."""
    bench.stub.behaviour = answers(500, b"")
    await bench.calls((operation,))
    sent = b"\n".join(one.body for one in bench.stub.heard)
    routed = asking.ROUTED
    for told in (routed.merchant_account, routed.ruleset, routed.rule):
        expect(told and told.encode() in sent, f"the {operation} carries {told} (adapters.tagging)", sent)
