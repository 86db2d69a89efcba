"""What the OpenAPI document says about the Idempotency-Key header."""

from dataclasses import dataclass
from typing import Final

from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

KEY_MAX: Final = 255


@dataclass
class MovesMoney(Operation):
    """An operation that needs a key. The header is read by hand, so the document has to be told of it."""

    def __post_init__(self) -> None:
        """Add the header to the parameters that Litestar found."""
        header = Parameter(
            name="Idempotency-Key",
            param_in="header",
            required=True,
            description="One wish, one key: the same key brings the same answer, and the wish is carried out once.",
            schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=KEY_MAX, pattern="^[!-~]([ -~]*[!-~])?$"),
        )
        self.parameters = [*(self.parameters or []), header]
