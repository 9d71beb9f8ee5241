"""Hot statements: made once from the models and kept; only their values are new each time.

Django makes every statement anew from its query, which costs several times what sending it does.
Where the same one goes out many times a second, its text is kept (decision 10).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, connection
from django.db.models import Expression, Model, QuerySet
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=Model)
_AT_ONCE = 1000
"""Rows of one statement: its text is kept, and grows with them."""
_FEW = 100


class Given(Expression):
    """Stands in a prepared query for a value that is given when it is asked.

    `each` is the PostgreSQL type of its elements where the value is a list, for `__in`.
    """

    def __init__(self, name: str, *, each: str = "") -> None:
        super().__init__()
        self.name, self.each = name, each

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return (f"(SELECT unnest(%s::{self.each}[]))" if self.each else "%s"), (self,)


class Prepared(Generic[M]):
    """A query of whole rows of one model, with `Given` values.

    `build` makes the query when it is asked for the first time. Values are given as the database
    takes them: the model's fields convert nothing.
    """

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build
        self._statement: _Statement[M] | None = None

    def rows(self, **given: Any) -> list[M]:
        """Raises TransactionManagementError when it locks rows and no transaction is open."""
        if self._statement is None:
            self._statement = _Statement(self._build())
        return self._statement.rows(given)

    def first(self, **given: Any) -> M | None:
        """The first row in the order of the query."""
        return next(iter(self.rows(**given)), None)


class _Statement(Generic[M]):
    """A query as text, and how its rows become instances."""

    def __init__(self, queryset: QuerySet[M]) -> None:
        query = queryset.query
        compiler: Any = query.get_compiler(connection=connection)
        self._text, self._values = compiler.as_sql()
        made = compiler.klass_info
        assert not made.get("related_klass_infos"), "whole rows of one model alone"
        columns = [compiler.select[place][0] for place in made["select_fields"]]
        self._model: type[M] = made["model"]
        self._locks = query.select_for_update
        self._names = [column.target.attname for column in columns]
        self._converters = [
            (place, convert, column)
            for place, column in enumerate(columns)
            for convert in (
                *connection.ops.get_db_converters(column),
                *column.get_db_converters(connection),
            )
        ]

    def rows(self, given: dict[str, Any]) -> list[M]:
        if self._locks and not connection.in_atomic_block:
            raise TransactionManagementError("Rows are locked within a transaction.")
        values = [given[v.name] if isinstance(v, Given) else v for v in self._values]
        with connection.cursor() as cursor:
            cursor.execute(self._text, values)
            found = cursor.fetchall()
        return [self._instance(list(row)) for row in found]

    def _instance(self, row: list[Any]) -> M:
        for place, convert, column in self._converters:
            row[place] = convert(row[place], column, connection)
        return self._model.from_db(connection.alias, self._names, row)


def insert(rows: Iterable[M]) -> list[M]:
    """Write new rows of one model with automatic keys, in one statement; they get their keys, in
    their order. More than a few go as Django writes them: they are rare, and their text long.

    What the database alone has a default for must be given.
    """
    rows = list(rows)
    if len(rows) > _FEW:
        return type(rows[0])._default_manager.bulk_create(rows, batch_size=_AT_ONCE)
    if rows:
        _add(rows)
    return rows


def _add(rows: Sequence[Model]) -> None:
    text, written = _insert(type(rows[0]), len(rows))
    for row in rows:
        # Keys of rows that were themselves new when they were named.
        row._prepare_related_fields_for_save(operation_name="insert")  # type: ignore[attr-defined]
    values = [
        field.get_db_prep_save(field.pre_save(row, True), connection)
        for row in rows
        for field in written
    ]
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=512)
def _insert(model: type[Model], count: int) -> tuple[str, list[Any]]:
    """The statement for so many rows, and the fields whose values it takes of each."""
    meta, quoted = model._meta, connection.ops.quote_name
    assert meta.pk is meta.auto_field, "automatic keys alone"
    key: Any = meta.pk
    fields = _changeable(model)
    row = ", ".join(f"%s::{_type(field)}" for field in fields)
    text = (
        f"INSERT INTO {quoted(meta.db_table)}"  # noqa: S608
        f" ({', '.join(quoted(field.column) for field in fields)})"
        f" VALUES {', '.join([f'({row})'] * count)} RETURNING {quoted(key.column)}"
    )
    return text, fields


def update(rows: Iterable[Model], fields: Sequence[str] = ()) -> None:
    """Write `fields` (all that were read, if none are named) of rows that are there, a thousand a
    statement.

    Raises DatabaseError when one is gone, or a value too long; in a transaction, which that ends.
    """
    rows = list(rows)
    names = tuple(fields)
    if rows and not names and (left := rows[0].get_deferred_fields()):
        names = tuple(f.name for f in _changeable(rows[0]) if f.attname not in left)
    for start in range(0, len(rows), _AT_ONCE):
        _write(rows[start : start + _AT_ONCE], names)


def _write(rows: Sequence[Model], fields: tuple[str, ...]) -> None:
    text, written = _update(type(rows[0]), len(rows), fields)
    values = [
        field.get_db_prep_save(field.pre_save(row, False), connection)
        for row in rows
        for field in written
    ]
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        if cursor.rowcount != len(rows):
            raise DatabaseError(f"{len(rows)} rows to write, {cursor.rowcount} there")


@lru_cache(maxsize=512)
def _update(model: type[Model], count: int, names: tuple[str, ...]) -> tuple[str, list[Any]]:
    """The statement for so many rows, and the fields whose values it takes of each, the key last.

    Every name in it is a column's or a type's of the model.
    """
    meta, quoted = model._meta, connection.ops.quote_name
    key: Any = meta.pk
    changed = [meta.get_field(name) for name in names] or _changeable(model)
    fields: list[Any] = [*changed, key]
    columns = [quoted(field.column) for field in fields]
    row = ", ".join(f"%s::{_type(field)}" for field in fields)
    text = (
        f"UPDATE {quoted(meta.db_table)} AS old"  # noqa: S608
        f" SET {', '.join(f'{column} = new.{column}' for column in columns[:-1])}"
        f" FROM (VALUES {', '.join([f'({row})'] * count)}) AS new ({', '.join(columns)})"
        f" WHERE old.{columns[-1]} = new.{columns[-1]}"
    )
    return text, fields


def _changeable(model: type[Model] | Model) -> list[Any]:
    """The columns beside the key."""
    meta = model._meta
    return [field for field in meta.local_concrete_fields if field is not meta.pk]


def _type(field: Any) -> str:
    """Without its length: a cast to `varchar(80)` would cut off silently what is too long."""
    return re.sub(r"\(.*?\)", "", field.rel_db_type(connection))
