"""After a test that committed: what it wrote goes.

Django truncates every table, which makes some hundred files anew each time, and writes down all
permissions again. Here rows are deleted, and what the migrations know of the models stays.
"""

from functools import cache

from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

_STAYS = frozenset({"django_migrations", "django_content_type", "auth_permission", "django_site"})
_GUARDED = """
SELECT name FROM unnest(%s::text[]) AS name
 WHERE EXISTS (SELECT FROM pg_trigger WHERE tgrelid = name::regclass
                  AND NOT tgisinternal AND tgtype & 8 <> 0)
"""
"""Tables with a trigger of their own for deletions (bit 8 of its type)."""
_CLOSED = """
SELECT name FROM unnest(%s::text[]) AS name WHERE NOT has_table_privilege(name, 'DELETE')
"""
"""Tables from which their owner may delete nothing, until he lets himself."""


def empty(_: TransactionTestCase) -> None:
    """Delete all rows, in whatever order, and past what forbids it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_statements())


@cache
def _statements() -> str:
    """Foreign keys are checked after the last deletion."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = sorted(set(names) - _STAYS)
    guarded, closed = _found(_GUARDED, tables), _found(_CLOSED, tables)
    return "; ".join(
        (
            *(f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in guarded),
            *(f"GRANT DELETE ON {name} TO CURRENT_USER" for name in closed),
            "SET CONSTRAINTS ALL DEFERRED",
            *(f"DELETE FROM {_quoted(name)}" for name in tables),
            "SET CONSTRAINTS ALL IMMEDIATE",
            *(f"REVOKE DELETE ON {name} FROM CURRENT_USER" for name in closed),
            *(f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in guarded),
        )
    )


def _found(question: str, tables: list[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(question, [tables])
        return [_quoted(name) for (name,) in cursor.fetchall()]


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()
