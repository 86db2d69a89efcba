"""What the OpenAPI document says of requests that may need a second person."""

from typing import Final

from litestar.openapi.datastructures import ResponseSpec

from hub.approvals.showing import ApprovalBody

WAITS: Final = {
    202: ResponseSpec(ApprovalBody, description="A second person has to approve it first", generate_examples=False)
}
