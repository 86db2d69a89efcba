"""`/docs`: the OpenAPI document as pages one can try out; nothing is loaded from elsewhere."""

from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from hub.access.guards import PUBLIC
from hub.errors import ProblemError, problems

_HERE: Final = Path(__file__).parent
_ASSETS: Final = {
    "swagger-ui-bundle.js": ("vendor/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("vendor/swagger-ui.css", "text/css"),
    "start.js": ("start.js", "text/javascript"),
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Payment hub API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<noscript>These pages need JavaScript; the same is in /schema/openapi.json.</noscript>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""


@get("/docs", media_type="text/html", include_in_schema=False, security=PUBLIC)
async def show_reference() -> Response[bytes]:
    """Show the pages."""
    return Response(_PAGE, media_type="text/html", headers=_HEADERS)


@get("/docs/assets/{name:str}", include_in_schema=False, security=PUBLIC, responses=problems(404))
async def get_asset(name: FromPath[str]) -> Response[bytes]:
    """Give one of the pages' files."""
    found = _ASSETS.get(name)
    if found is None:
        raise ProblemError("not_found", "there is no such file")
    path, media_type = found
    headers = {**_HEADERS, "Cache-Control": "public, max-age=3600"}
    return Response((_HERE / path).read_bytes(), media_type=media_type, headers=headers)


HANDLERS = [show_reference, get_asset]
