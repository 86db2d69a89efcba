"""What the OpenAPI document says of a key that is needed where a transfer is asked for."""

from dataclasses import dataclass

from litestar.openapi.spec import Parameter

from hub.idempotency.documented import MovesMoney


@dataclass
class MayMoveMoney(MovesMoney):
    """An operation that needs a key for some of what it takes."""

    def __post_init__(self) -> None:
        """Say that the key may be left out."""
        super().__post_init__()
        for one in self.parameters or []:
            if isinstance(one, Parameter) and one.name == "Idempotency-Key":
                one.required = False
                one.description = "Needed with a `transfer`: the same key brings the same answer, and books once."
