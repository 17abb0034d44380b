"""Rows as Parquet, typed, a row group for each 50,000. Loaded by whoever writes one, because pyarrow is large."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from campaigns.exports.datasets import Column, Page

ROW_GROUP = 50_000
TYPES = {
    "text": pa.string(),
    "uuid": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "moment": pa.timestamp("us", tz="UTC"),
}


def _type(named: str) -> pa.DataType:
    if decimal := re.fullmatch(r"decimal\((\d+),(\d+)\)", named):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return TYPES[named]


def _values(column: Column, cells: Sequence[Any]) -> Sequence[Any]:
    match column.type:
        case "text":
            return [cell or None for cell in cells]
        case "uuid":
            return [cell and str(cell) for cell in cells]
        case "json":
            return [orjson.dumps(cell).decode() for cell in cells]
    return cells


class ParquetFile(AbstractContextManager["ParquetFile"]):
    """Written forwards only; memory holds one row group, in arrays. Each column carries what it means."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._schema = pa.schema(
            [pa.field(one.name, _type(one.type), metadata={"about": one.about}) for one in columns]
        )
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, page: Page) -> None:
        cells = zip(self._columns, zip(*page, strict=True), self._schema, strict=True)
        arrays = [pa.array(_values(column, values), field.type) for column, values, field in cells]
        self._waiting.append(pa.record_batch(arrays, schema=self._schema))
        self._rows += len(page)
        if self._rows >= ROW_GROUP:
            self._put()

    def _put(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting, self._rows = [], 0

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if kind is None:
            self._put()
        self._writer.close()
