"""Every column that holds sealed values, and what each value is sealed for."""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Column, Table

from hub.approvals.asking import IDENTITY as APPROVAL
from hub.approvals.tables import approvals
from hub.disputes.submissions import file_identity, request_identity
from hub.disputes.tables import dispute_files, dispute_submissions
from hub.erasure.asking import IDENTITY as ERASURE
from hub.erasure.tables import erasures
from hub.merchants.credentials import credentials_identity
from hub.merchants.tables import merchant_accounts
from hub.payments.recording import ACTION_IDENTITY
from hub.payments.tables import operations
from hub.webhook_endpoints.secrets import secret_identity
from hub.webhook_endpoints.tables import webhook_endpoints


class Sealed(Struct, frozen=True):
    """A column of sealed values; `identity` gives what a value is sealed for, by its row's `id`."""

    table: Table
    name: str
    identity: Callable[[str], str]

    @property
    def column(self) -> Column[Any]:
        """The column itself."""
        column: Column[Any] = self.table.c[self.name]
        return column

    def __str__(self) -> str:
        return f"{self.table.name}.{self.name}"


SEALED: Final = (
    Sealed(merchant_accounts, "credentials", credentials_identity),
    Sealed(webhook_endpoints, "secret", secret_identity),
    Sealed(webhook_endpoints, "secret_previous", secret_identity),
    Sealed(approvals, "request", APPROVAL.format),
    Sealed(operations, "action", ACTION_IDENTITY.format),
    Sealed(dispute_submissions, "request", request_identity),
    Sealed(dispute_files, "content", file_identity),
    Sealed(erasures, "needles", ERASURE.format),
)
"""A test holds this against the columns of bytes that there are, so that none is forgotten."""
