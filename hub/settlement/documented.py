"""What the OpenAPI document says of a report as a body, which is read by hand."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType


@dataclass
class TakesReport(Operation):
    """An operation that takes a settlement report."""

    def __post_init__(self) -> None:
        """Add the body."""
        report = Schema(
            type=OpenAPIType.STRING,
            format=OpenAPIFormat.BINARY,
            description="CSV in UTF-8 as the processor gives it, with the names of its columns in the first line.",
        )
        self.request_body = RequestBody(content={"text/csv": OpenAPIMediaType(schema=report)}, required=True)
