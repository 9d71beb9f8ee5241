"""Making single-use codes, a hundred thousand at once, and writing them out once."""

import secrets
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError, connection, transaction

from catalogue.selectors import current_snapshot
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict, InvalidInput, NotFound, RuleViolated
from promotions.digests import digest
from promotions.domain.codes import codes_of
from promotions.models import CodeBatch, CodeState
from promotions.selectors import BatchView, batch_view, promotions_of

MOST = 1_000_000
_TRIES = 3
_COPY = """
COPY promotions_singleusecode (batch_id, digest, state, key) FROM STDIN (FORMAT BINARY)
"""


@transaction.atomic
def make_batch(
    *, promotion: str, name: str, count: int, by: str, last_day: date | None = None
) -> BatchView:
    """Make `count` codes for a promotion of the release in force; written by one COPY.

    They are good up to and with `last_day`, on the clocks of Paris.

    Raises:
        NotFound: `unknown_promotion`. RuleViolated: `no_codes_needed`.
        InvalidInput: `count_out_of_range`, `name_missing`. Conflict: `batch_exists`.
    """
    now = business_now()
    found = promotions_of(current_snapshot(now)).promotions.get(promotion)
    if found is None:
        raise NotFound(f"No promotion is called {promotion[:80]!r}.", code="unknown_promotion")
    if not found.single_use:
        raise RuleViolated("This promotion takes no single-use codes.", code="no_codes_needed")
    if not 1 <= count <= MOST:
        raise InvalidInput(
            f"A batch has 1 to {MOST} codes.", code="count_out_of_range", field="count"
        )
    if not name.strip():
        raise InvalidInput("Give the batch a name.", code="name_missing", field="name")
    batch = CodeBatch(
        promotion=promotion,
        name=name.strip()[:80],
        count=count,
        valid_until=_end_of(last_day) if last_day is not None else None,
        made_at=now,
        made_by=by[:80],
    )
    _save(batch)
    return batch_view(batch.pk)


@transaction.atomic
def export_batch(batch_id: int, *, by: str) -> tuple[str, ...]:
    """The codes of a batch, once and never again.

    Raises:
        NotFound: `unknown_batch`. RuleViolated: `batch_exported`.
    """
    batch = CodeBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise NotFound("There is no such batch.", code="unknown_batch")
    if batch.secret is None:
        raise RuleViolated(
            "These codes have been written out already; they exist nowhere here any more.",
            code="batch_exported",
        )
    codes = tuple(codes_of(bytes(batch.secret), count=batch.count))
    batch.secret, batch.exported_at, batch.exported_by = None, business_now(), by[:80]
    batch.save(update_fields=["secret", "exported_at", "exported_by"])
    return codes


def csv_of(codes: Iterable[str]) -> str:
    """A column with a heading."""
    return "code\r\n" + "".join(f"{code}\r\n" for code in codes)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), PARIS)


def _save(batch: CodeBatch) -> None:
    """Two codes alike are as good as impossible; if they come, another secret is drawn."""
    for _ in range(_TRIES):
        secret = secrets.token_bytes(32)
        batch.pk, batch.secret = None, secret
        try:
            with transaction.atomic():
                batch.save(force_insert=True)
                _write(batch, secret=secret)
        except IntegrityError as error:
            if "code_batch_once" in str(error):
                raise Conflict(
                    "There is a batch of that name for this promotion already.",
                    code="batch_exists",
                ) from error
        else:
            return
    raise Conflict("These codes could not be made. Try again.", code="codes_not_made")


def _write(batch: CodeBatch, *, secret: bytes) -> None:
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(_COPY) as copy:
        copy.set_types(["int8", "bytea", "varchar", "varchar"])
        for code in codes_of(secret, count=batch.count):
            copy.write_row((batch.pk, digest(code), CodeState.FREE.value, ""))
