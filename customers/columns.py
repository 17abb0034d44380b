"""A query's rows as aligned arrays, without a Python object a number where the database can do without.

PostgreSQL writes them in its binary COPY format, whose rows of fixed width numpy reads as they stand; elsewhere tuples
are fetched a page at a time. The query is compiled as it is, so whatever it asks, consent first of all, is asked.
Memory: the arrays, one of them twice, and a page.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

Column = np.ndarray[Any, np.dtype[Any]]
Page = list[Column]

ROWS_A_PAGE = 20_000
BYTES_A_PAGE = 4 * 2**20
SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
HEADER = len(SIGNATURE) + 8  # then flags and the length of an extension, which is nought
WIDTH = 8
NULL = "the query gives a column that is null, or neither a bigint nor a double"


def columns(rows: QuerySet[Any, Any], *dtypes: type[np.int64] | type[np.float64]) -> list[Column]:
    """One array for each column of `rows` (a `values_list` of whole numbers and floats, none of them null), in order.

    Raises TypeError where a column is of another width, or null.
    """
    compiler = rows.query.get_compiler(rows.db)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        return [np.empty(0, dtype) for dtype in dtypes]
    with connections[rows.db].cursor() as cursor:
        if connections[rows.db].vendor == "postgresql":
            pages = _copied(cursor, sql, parameters, dtypes)
        else:
            pages = list(_fetched(cursor, sql, parameters, dtypes))
    found = []
    for place, dtype in enumerate(dtypes):
        found.append(np.concatenate([np.empty(0, dtype), *(page[place] for page in pages)]))
        for page in pages:
            page[place] = np.empty(0, dtype)  # read over: let it go before the next column is put together
    return found


def arrays(rows: Iterable[Any], *dtypes: type[np.int64] | type[np.float64]) -> list[Column]:
    """The same of a few rows that are read already."""
    page = list(rows)
    if not page:
        return [np.empty(0, dtype) for dtype in dtypes]
    return _page(page, dtypes)


def _page(page: Sequence[Any], dtypes: tuple[Any, ...]) -> list[Column]:
    """Raises TypeError where a column is null."""
    found = [
        np.fromiter(_numbered(values), dtype, len(page))
        for values, dtype in zip(zip(*page, strict=True), dtypes, strict=True)
    ]
    if any(np.isnan(array).any() for array in found):
        raise TypeError(NULL)
    return found


def _fetched(cursor: Any, sql: str, parameters: Any, dtypes: tuple[Any, ...]) -> Iterator[Page]:
    cursor.execute(sql, parameters)
    while page := cursor.fetchmany(ROWS_A_PAGE):
        yield _page(page, dtypes)


def _numbered(values: tuple[Any, ...]) -> Iterable[Any]:
    """Texts as numbers, the same for the same text, where the database had no function for it."""
    return (crc32(value.encode()) for value in values) if isinstance(values[0], str) else values


def _copied(cursor: Any, sql: str, parameters: Any, dtypes: tuple[Any, ...]) -> list[Page]:
    sink = _Sink(dtypes)
    asked = cursor.mogrify(sql, parameters).decode()
    cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT binary)", sink)
    sink.flush()
    return sink.pages


class _Sink:
    """A file that COPY writes to, a row at a time; whole pages of rows become arrays.

    A row: how many fields (int16), then each one's length in bytes (int32, -1 for null) and its bytes, big-endian.
    """

    def __init__(self, dtypes: tuple[Any, ...]) -> None:
        self.pages: list[Page] = []
        self.dtypes = dtypes
        self.row = np.dtype(
            [
                ("fields", ">i2"),
                *(
                    part
                    for place, dtype in enumerate(dtypes)
                    for part in (
                        (f"length{place}", ">i4"),
                        (f"value{place}", np.dtype(dtype).newbyteorder(">")),
                    )
                ),
            ]
        )
        self.buffer = bytearray()
        self.begun = False

    def write(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) >= BYTES_A_PAGE:
            self.flush()

    def flush(self) -> None:
        start = 0 if self.begun else HEADER
        self.begun = True
        # The end of the file is marked by two bytes; what is left of a row waits for the rest of it.
        whole = (len(self.buffer) - start) // self.row.itemsize
        table = np.frombuffer(self.buffer, self.row, whole, start)
        places = range(len(self.dtypes))
        told = [table["fields"] == len(self.dtypes), *(table[f"length{place}"] == WIDTH for place in places)]
        if not all(np.all(right) for right in told):
            raise TypeError(NULL)
        self.pages.append([table[f"value{place}"].astype(dtype) for place, dtype in enumerate(self.dtypes)])
        end = start + whole * self.row.itemsize
        del table, told
        del self.buffer[:end]
