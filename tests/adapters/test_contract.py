"""Which words of a processor are an id of ours, told by how our ids begin."""

import pytest

from adapters.contract import tag_of
from normalization.outcome import Operation


@pytest.mark.parametrize(
    ("reference", "kinds"),
    [
        ("att_1", {Operation.AUTHORIZE, Operation.PURCHASE}),
        ("cap_1", {Operation.CAPTURE}),
        ("can_1", {Operation.VOID}),
        ("ref_1", {Operation.REFUND}),
        ("ver_1", set()),
        ("invoice-1", set()),
        ("refund of invoice-1", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_a_reference_is_the_tag_of_operations_of_its_kind_alone(reference: str | None, kinds: set[Operation]) -> None:
    assert {kind for kind in Operation if tag_of(reference, kind) is not None} == kinds
    assert {tag_of(reference, kind) for kind in Operation} <= {reference, None}
