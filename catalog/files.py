"""Files out of a list: rows as a spreadsheet reads them, a page at a time, and no cell a formula (S4)."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

PAGE_BYTES = 50_000


def harmless(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
    is_formula = isinstance(value, str) and text.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{text}" if is_formula or text.startswith(("\t", "\r")) else text


def as_csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(headings)
    for row in rows:
        table.writerow([harmless(cell) for cell in row])
        if text.tell() > PAGE_BYTES:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def download(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The mark in front tells Excel that it is UTF-8; what we read back does not mind it."""

    def content() -> Iterator[str]:
        yield "\ufeff"
        yield from as_csv(headings, rows)

    answer = StreamingHttpResponse(content(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
