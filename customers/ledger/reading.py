"""Reading the whole ledger as it is stored, a few thousand rows at a time, all of one moment."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection, transaction

Row = tuple[Any, ...]

# The thirteen hashed values, spelt as `record_hash` spells them, between the record's id and its hash. Where a stored
# value has a second spelling that SQLite would read alike, the spelling is changed too, so that it is found.
_ROWS = """
SELECT id, customer_id, sequence, purpose, {granted}, notice, notice_sha256, language, method, source, actor, {at},
commitment, previous_hash, hash FROM customers_consentrecord {where} ORDER BY customer_id, sequence
"""
_SPELLINGS = {
    "postgresql": {
        "granted": "granted",
        "at": """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""",
    },
    "sqlite": {
        "granted": """CASE WHEN granted IN (0, 1) THEN granted END AS "granted [bool]\"""",
        "at": """substr(at, 1, 10) || CASE substr(at, 11, 1) WHEN ' ' THEN 'T' ELSE '?' END || substr(at, 12) || CASE
            WHEN length(at) = 19 THEN '.000000' WHEN substr(at, 20) = '.000000' THEN '?' ELSE '' END || '+00:00'""",
    },
}
_STATES = (
    "SELECT customer_id, purpose, granted, record_id FROM customers_consentstate {where} ORDER BY customer_id"
)


def records(where: str, values: Sequence[Any]) -> Iterator[Row]:
    """Every record: its id, the thirteen values that are hashed, its hash; by person and number. One query."""
    return _streamed(_ROWS.format(where=where, **_SPELLINGS[connection.vendor]), values)


def states(where: str, values: Sequence[Any]) -> Iterator[Row]:
    """Every state: customer, purpose, answer, record; by person. One query."""
    return _streamed(_STATES.format(where=where), values)


def _streamed(sql: str, values: Sequence[Any]) -> Iterator[Row]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, values)
        while rows := cursor.fetchmany(5000):
            yield from rows


# Text that is no UTF-8 is a finding, not a reason to stop reading.
_LENIENT = partial(str, encoding="utf-8", errors="surrogateescape")


@contextmanager
def one_view() -> Iterator[None]:
    """What is read inside is of one moment; nobody is kept waiting. Inside a transaction, that one's view."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        raw = connection.connection
        strict, raw.text_factory = raw.text_factory, _LENIENT
        try:
            with _snapshot():
                yield
        finally:
            raw.text_factory = strict
    else:
        with _snapshot():
            yield


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        # A plain BEGIN: our transactions are IMMEDIATE, and would keep every writer out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("COMMIT")
