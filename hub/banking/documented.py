"""What the OpenAPI document says of a bank statement as a body, which is read by hand."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

TYPES = ("application/xml", "text/csv")


@dataclass
class TakesStatement(Operation):
    """An operation that takes a bank statement."""

    def __post_init__(self) -> None:
        """Add the body."""
        statement = Schema(
            type=OpenAPIType.STRING,
            format=OpenAPIFormat.BINARY,
            description="camt.053 as XML, or CSV in UTF-8 with the columns date, amount and currency at least.",
        )
        content = {kind: OpenAPIMediaType(schema=statement) for kind in TYPES}
        self.request_body = RequestBody(content=content, required=True)
