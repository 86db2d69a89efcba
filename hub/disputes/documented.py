"""What the OpenAPI document says about the form that brings evidence, which is read by hand."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from hub.disputes.evidence import TEXT_MAX, WORD_MAX
from hub.idempotency.documented import MovesMoney


@dataclass
class SubmitsEvidence(MovesMoney):
    """An operation that takes a form with files, and needs a key."""

    def __post_init__(self) -> None:
        """Add the form."""
        super().__post_init__()
        file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        form = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "text": Schema(type=OpenAPIType.STRING, min_length=1, max_length=TEXT_MAX),
                "defense": Schema(type=OpenAPIType.STRING, min_length=1, max_length=WORD_MAX),
                "file": Schema(
                    type=OpenAPIType.ARRAY,
                    items=file,
                    description="PDF, JPEG, PNG or TIFF, 20 MiB in all; `file[receipt]` names what it shows.",
                ),
            },
            pattern_properties={r"^file\[[a-zA-Z0-9_]+\]$": file},
            additional_properties=False,
        )
        self.request_body = RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=form)}, required=True)
