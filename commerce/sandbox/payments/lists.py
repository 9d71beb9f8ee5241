"""List and search answers: pages by cursor, newest first."""

import re
from collections.abc import Callable

from commerce.sandbox.payments.errors import Document, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, World

Conditions = tuple[tuple[str, object], ...]

DEFAULT_LIMIT = 10
LARGEST_LIMIT = 100


def page(
    world: World,
    call: Call,
    kind: str,
    *,
    url: str,
    conditions: Conditions = (),
    show: Callable[[Resource], Document] | None = None,
) -> Document:
    """One page by `limit`, `starting_after`, `ending_before` and `created`."""
    params = call.params
    limit = _limit(params)
    after, before = params.text("starting_after"), params.text("ending_before")
    wanted = (*conditions, *_created(params))
    if after is not None:
        wanted = (*wanted, ("seq < ?", _cursor(world, kind, after, param="starting_after")))
    if before is not None:
        wanted = (*wanted, ("seq > ?", _cursor(world, kind, before, param="ending_before")))
    found = world.store.where(
        kind, conditions=wanted, oldest_first=before is not None, limit=limit + 1
    )
    shown = found[:limit][::-1] if before is not None else found[:limit]
    return {
        "object": "list",
        "data": [show(resource) if show else resource.body for resource in shown],
        "has_more": len(found) > limit,
        "url": url,
    }


def search(world: World, call: Call, kind: str, *, url: str, fields: frozenset[str]) -> Document:
    """Clauses joined by AND: `status:'succeeded' AND metadata['order']:'6735'`.

    The page token is the last identifier of the page before.
    """
    params = call.params
    clauses = _clauses(params.required("query"), fields=fields)
    limit = _limit(params)
    conditions: Conditions = ()
    token = params.text("page")
    if token is not None:
        conditions = (("seq < ?", _cursor(world, kind, token, param="page")),)
    found = [
        resource.body
        for resource in world.store.where(kind, conditions=conditions)
        if all(_holds(resource.body, name, value) for name, value in clauses)
    ]
    more = len(found) > limit
    return {
        "object": "search_result",
        "data": found[:limit],
        "has_more": more,
        "next_page": found[limit - 1]["id"] if more else None,
        "url": url,
    }


def _limit(params: Params) -> int:
    limit = params.integer("limit", least=1)
    if limit is not None and limit > LARGEST_LIMIT:
        raise invalid(
            f"This value must be less than or equal to {LARGEST_LIMIT}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    return DEFAULT_LIMIT if limit is None else limit


def _cursor(world: World, kind: str, wanted: str, *, param: str) -> int:
    seq = world.store.seq_of(kind, wanted)
    if seq is None:
        raise missing(kind.replace("_", " "), wanted, param=param)
    return seq


def _created(params: Params) -> Conditions:
    """`created=…` or `created[gte]=…` and the like."""
    operators = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    if params.is_text("created"):
        return (("created = ?", params.integer("created")),)
    bounds = params.section("created")
    if bounds is None:
        return ()
    found = ((sign, bounds.integer(name)) for name, sign in operators.items())
    return tuple((f"created {sign} ?", value) for sign, value in found if value is not None)


def _clauses(query: str, *, fields: frozenset[str]) -> list[tuple[str, str]]:
    clauses = []
    for clause in re.split(r"\s+AND\s+", query.strip()):
        match = re.fullmatch(
            r"""(metadata\[['"][^'"]+['"]\]|[a-z_]+)\s*:\s*['"]([^'"]*)['"]""", clause
        )
        if match is None:
            raise invalid(f"We were unable to parse your search query: {clause}", param="query")
        name = match[1]
        if not name.startswith("metadata") and name not in fields:
            raise invalid(f"Field `{name}` is an unsupported search field.", param="query")
        clauses.append((name, match[2]))
    return clauses


def _holds(body: Document, name: str, value: str) -> bool:
    if name.startswith("metadata"):
        key = name[len("metadata['") : -len("']")]
        return bool(body.get("metadata", {}).get(key) == value)
    return bool(str(body.get(name)) == value)
