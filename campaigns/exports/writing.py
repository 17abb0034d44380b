"""A set written into a file: what the command and the worker both do."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO

from django.utils.module_loading import import_string

from campaigns.exports.behaviour import CONSENTS, EVENTS, ORDERS
from campaigns.exports.csv_file import CsvFile
from campaigns.exports.datasets import Dataset, Span
from campaigns.exports.deeds import CODES, DECISIONS, DELIVERIES, OUTCOMES, REDEMPTIONS
from campaigns.exports.groups import MEMBERS, REPORTS
from campaigns.exports.things import PRICES, PRODUCTS
from campaigns.models import Export

DATASETS: Mapping[str, Dataset] = {
    one.name: one
    for one in (
        *(PRODUCTS, PRICES, ORDERS, EVENTS, CONSENTS),
        *(DECISIONS, DELIVERIES, OUTCOMES, CODES, REDEMPTIONS, MEMBERS, REPORTS),
    )
}
MEDIA_TYPES: Mapping[str, str] = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.CSV_GZ: "application/gzip",
    Export.Format.PARQUET: "application/vnd.apache.parquet",
}


def write(dataset: Dataset, file: BinaryIO, *, form: str, span: Span, tell: Callable[[int], object]) -> int:
    """Write the rows of a set, and tell after each page how many there are; how many in all. Memory holds a page.

    Whatever `tell` raises ends it.
    """
    rows = 0
    with _writers(form)(file, dataset.columns) as table:
        for page in dataset.pages(dataset, span):
            if page:
                table.write(page)
            rows += len(page)
            tell(rows)
    return rows


def _writers(form: str) -> Any:
    if form == Export.Format.PARQUET:
        # By its name: only a process that writes Parquet loads it.
        return import_string("campaigns.exports.parquet_file.ParquetFile")
    return partial(CsvFile, is_zipped=form == Export.Format.CSV_GZ)
