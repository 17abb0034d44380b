"""Several questions in one statement, and several changes: one way to the database and back.

A query set that was asked here is filled as if it had been asked alone; one that was not asks when it is first looked
at. So what needs rows takes query sets, and whoever is in a hurry asks several together beforehand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.sql import InsertQuery, UpdateQuery

Rows = QuerySet[Any, Any]

# How PostgreSQL writes a value as text. Rows of different tables can stand below each other only as texts.
_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("CharField", "TextField", "SlugField", "JSONField"), str),
    **dict.fromkeys(("AutoField", "BigAutoField", "IntegerField", "BigIntegerField"), int),
    **dict.fromkeys(("SmallIntegerField", "PositiveSmallIntegerField", "PositiveIntegerField"), int),
    "PositiveBigIntegerField": int,
    "BinaryField": lambda said: bytes.fromhex(said.removeprefix("\\x")),
    "BooleanField": "true".__eq__,
    "DateTimeField": datetime.fromisoformat,
    "DecimalField": Decimal,
    "FloatField": float,
    "UUIDField": UUID,
}


def read(*asked: Rows) -> None:
    """Fill these query sets by one statement; one that can find nothing is left out, and none of them is no statement.

    Each keeps its order. Not for a query set with `distinct` by other columns than it reads, nor for one that locks.
    Raises TypeError for a kind of column that is not known here.
    """
    compilers: list[Any] = []
    for rows in asked:
        compiler = rows.query.get_compiler(using=rows.db)
        try:
            said = compiler.as_sql()
        except EmptyResultSet:
            continue
        compilers.append((rows, compiler, *said))
    if not compilers:
        return
    width = max(compiler.col_count for _rows, compiler, _sql, _params in compilers)
    answers = _told(compilers, width)
    for n, (rows, compiler, _sql, _params) in enumerate(compilers):
        _fill(rows, compiler, answers.get(n, []))


def _told(compilers: Sequence[Any], width: int) -> dict[int, list[Sequence[Any]]]:
    """The rows of each question by its number, as the driver would give them."""
    is_text = connection.vendor == "postgresql"
    # On SQLite the sign keeps the first question's kinds of columns from being taken for everybody's.
    column, nothing = ("{}::text", "NULL::text") if is_text else ("+{}", "NULL")
    named, parts, params = [], [], []
    for n, (_rows, compiler, sql, own) in enumerate(compilers):
        names = [f"c{i}" for i in range(compiler.col_count)]
        named.append(f"asked{n} ({', '.join(names)}) AS ({sql})")
        columns = [column.format(name) for name in names] + [nothing] * (width - len(names))
        parts.append(f"SELECT {n}, row_number() OVER (), {', '.join(columns)} FROM asked{n}")  # noqa: S608 - of our own words
        params += own
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(named)} {' UNION ALL '.join(parts)}", params)
        answers: dict[int, list[Sequence[Any]]] = {}
        for n, _place, *row in sorted(cursor.fetchall(), key=lambda row: row[:2]):
            answers.setdefault(n, []).append(row)
    if is_text:
        for n, rows in answers.items():
            kinds = [_from_text(expression) for expression, *_more in compilers[n][1].select]
            answers[n] = [
                [value if value is None else read(value) for value, read in zip(row, kinds, strict=False)]
                for row in rows
            ]
    return answers


def _from_text(expression: Any) -> Callable[[str], Any]:
    field = expression.output_field
    while field.remote_field is not None:
        field = field.target_field
    kind = field.get_internal_type()
    if kind not in _FROM_TEXT:
        raise TypeError(f"{field}: a {kind} cannot be asked together with others")
    return _FROM_TEXT[kind]


def _fill(rows: Rows, compiler: Any, answers: Sequence[Sequence[Any]]) -> None:
    """Let the query set make its objects of these rows, by its own way from a row to an object."""
    own = [row[: compiler.col_count] for row in answers]
    compiler.execute_sql = lambda *_asked, **_how: [own]
    rows.query.get_compiler = lambda *_asked, **_how: compiler  # type: ignore[method-assign]
    len(rows)


# --- changes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """An UPDATE or INSERT that is not made yet. `rows` is how many rows it must touch; None where any number is right."""

    sql: str
    params: Sequence[Any]
    rows: int | None = None


class Missed(Exception):
    """A change touched fewer rows than it had to: nothing of what came with it may be kept."""


def update(of: Rows, rows: int | None = None, **values: Any) -> Change:
    """`of.update(**values)`, to be made by `write`. Raises EmptyResultSet where it could touch no row."""
    query: Any = of.query.chain(UpdateQuery)
    query.add_update_values(values)
    sql, params = query.get_compiler(using=of.db).as_sql()
    return Change(sql, params, rows)


def insert(
    rows: Sequence[models.Model],
    *,
    by: Sequence[str] = (),
    or_change: Sequence[str] = (),
    or_add: Sequence[str] = (),
    where: Rows | None = None,
) -> Change:
    """All of these in one INSERT; they are of one model, and all have their key or none has.

    Of a row that is there already, by the fields `by` (its key), the fields `or_change` are changed instead, and to those
    of `or_add` is added, if it is one of `where`.
    """
    model = type(rows[0])
    meta = model._meta  # noqa: SLF001 - Django calls it public
    fields = [field for field in meta.concrete_fields if rows[0].pk is not None or not field.primary_key]
    query = InsertQuery(model)
    query.insert_values(fields, list(rows))
    ((sql, params),) = query.get_compiler(connection=connection).as_sql()
    if not or_change and not or_add:
        return Change(sql, params, len(rows))
    quoted = connection.ops.quote_name
    columns = {field.name: quoted(str(field.column)) for field in meta.concrete_fields}
    keys = ", ".join(columns[name] for name in by or (meta.pk.name,))
    changed = [f"{columns[name]} = EXCLUDED.{columns[name]}" for name in or_change]
    changed += [
        f"{columns[name]} = {quoted(meta.db_table)}.{columns[name]} + EXCLUDED.{columns[name]}"
        for name in or_add
    ]
    sql = f"{sql} ON CONFLICT ({keys}) DO UPDATE SET {', '.join(changed)}"
    if where is not None:
        compiler = where.query.get_compiler(using=where.db)
        condition, more = where.query.where.as_sql(compiler, connection)
        sql, params = f"{sql} WHERE {condition}", (*params, *more)
    return Change(sql, params, len(rows))


def write(*changes: Change) -> None:
    """Make the changes, in this order: on PostgreSQL by one statement, on SQLite by one each. Raises Missed.

    On PostgreSQL they all see what was before the statement, so no change may rest on another one's. Call it inside a
    transaction.
    """
    if not changes:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            named = ", ".join(f"made{n} AS ({change.sql} RETURNING 1)" for n, change in enumerate(changes))
            counts = ", ".join(f"(SELECT count(*) FROM made{n})" for n in range(len(changes)))  # noqa: S608
            cursor.execute(
                f"WITH {named} SELECT {counts}", [one for change in changes for one in change.params]
            )
            touched = cursor.fetchone()
        else:
            touched = []
            for change in changes:
                cursor.execute(change.sql, change.params)
                touched.append(cursor.rowcount)
    for change, n in zip(changes, touched, strict=True):
        if change.rows is not None and n != change.rows:
            raise Missed(f"{n} rows of {change.rows}: {change.sql}")
