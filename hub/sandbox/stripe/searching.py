"""
Search: objects by their metadata. Here it knows an object at once; the real one may take a minute and more.

Source: docs.stripe.com/search, docs.stripe.com/api/payment_intents/search.
"""

import re

from hub.sandbox.book import Body
from hub.sandbox.stripe import form
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError

KINDS = frozenset({"charge", "payment_intent"})
LIMIT_DEFAULT = 10
BY_METADATA = re.compile(r"""metadata\[(['"])(\w+)\1\]:(['"])(.+)\3""")


def found(call: Call, kind: str, path: str) -> Body:
    """Find an account's objects of a kind, newest first; the one clause that is understood is of metadata."""
    form.known(call.form, {"query", "limit", "expand"})
    asked = BY_METADATA.fullmatch(form.required(call.form, "query"))
    if asked is None:
        raise InvalidError(
            "Invalid query: this sandbox searches by one clause, metadata['key']:'value'.", param="query"
        )
    name, value = asked[2], asked[4]
    limit = form.integer(call.form, "limit") or LIMIT_DEFAULT
    fitting = [one for one in call.book.mentioning(kind, call.account, value) if one["metadata"].get(name) == value]
    return {
        "object": "search_result", "data": fitting[:limit], "has_more": len(fitting) > limit, "next_page": None,
        "url": path,
    }  # fmt: skip
