"""What the OpenAPI document says of reports, which are given in several formats."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from hub.reporting.formats import CSV, PDF
from hub.reporting.parquet import MEDIA_TYPE as PARQUET


def _add(operation: Operation, *formats: str) -> None:
    answer = (operation.responses or {})["200"]
    if isinstance(answer, OpenAPIResponse) and answer.content is not None:
        for one in formats:
            whole = Schema(type=OpenAPIType.STRING, format=None if one == CSV else OpenAPIFormat.BINARY)
            answer.content[one] = OpenAPIMediaType(schema=whole)


@dataclass
class GivesTable(Operation):
    """An operation that gives a table as CSV and Parquet too."""

    def __post_init__(self) -> None:
        """Add the formats."""
        _add(self, CSV, PARQUET)


@dataclass
class GivesStatement(Operation):
    """An operation that gives a statement as CSV and PDF too."""

    def __post_init__(self) -> None:
        """Add the formats."""
        _add(self, CSV, PDF)
