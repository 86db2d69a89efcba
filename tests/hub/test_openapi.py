from litestar import Litestar, post
from litestar.params import JSONBody
from msgspec import Struct

from hub.openapi import ClosedObjects


class Strict(Struct, forbid_unknown_fields=True):
    amount: int
    inner: "Strict | None" = None


class Loose(Struct):
    amount: int


@post("/")
async def handler(data: JSONBody[Strict]) -> Loose:
    return Loose(data.amount)


def test_only_what_refuses_unknown_fields_says_so() -> None:
    app = Litestar([handler], plugins=[ClosedObjects()])

    schemas = app.openapi_schema.to_schema()["components"]["schemas"]

    assert schemas["Strict"]["additionalProperties"] is False
    assert schemas["Strict"]["required"] == ["amount"]
    assert "additionalProperties" not in schemas["Loose"]
