"""Bodies and values that nobody means well with, and a picture of all tables to hold the database against."""

import gzip
import hashlib
import json
from typing import Any

from django.apps import apps

MB_5 = 5 * 1024 * 1024
DEEP = 10_000
# No JSON object that an address here may take, whatever it is about.
BODIES: dict[str, bytes] = {
    "a form": b"customer=anna&type=access",
    "space": b" \n ",
    "a sentence": b"Hello, world",
    "half a body": b'{"customer": "anna", "na',
    "half a string": b'{"customer": "an',
    "half a list": b'{"skus": ["rose", "spade"',
    "two bodies": b"{}{}",
    "a comma too many": b'{"customer": "anna",}',
    "single quotes": b"{'customer': 'anna'}",
    "a comment": b'{"customer": "anna"} // hello',
    "a list": b"[]",
    "a word": b'"anna"',
    "null": b"null",
    "a number": b"1",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-8 too long": b'{"name": "\xc0\x80"}',
    "UTF-16": '{"name": "anna"}'.encode("utf-16"),
    "a mark before it": b'\xef\xbb\xbf{"name": "anna"}',
    "a NUL": b'{"name": "an\x00na"}',
    "a NUL, written out": b'{"name": "an\\u0000na"}',
    "a NUL in a name": b'{"na\\u0000me": "anna"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "surrogates the wrong way round": b'{"name": "\\udc00\\ud800"}',
    "a surrogate as UTF-8": b'{"name": "\xed\xa0\x80"}',
    "not a number": b'{"value": NaN}',
    "infinity": b'{"value": Infinity}',
    "infinity below": b'{"value": -Infinity}',
    "a number beyond all": b'{"value": 1e999}',
    "a number of 10,000 digits": b'{"value": ' + b"9" * 10_000 + b"}",
    "lists, 10,000 deep": b'{"value": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects, 10,000 deep": b'{"value": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "lists, 1,000 deep": b'{"value": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    "lists, 200 deep": b'{"value": ' + b"[" * 200 + b"]" * 200 + b"}",
    "a name twice": b'{"granted": false, "granted": true}',
    "a name twice, further in": b'{"batch": [{"a": {"b": 1, "b": 2}}]}',
    "a name twice, spelt in two ways": b'{"granted": false, "gr\\u0061nted": true}',
    "1,001 items": json.dumps({"batch": [1] * 1001}).encode(),
    "5 MB and a byte": b'{"name": "' + b"a" * (MB_5 - 11) + b'"}',
    "a million empty lists": b'{"value": [' + b"[]," * 1_000_000 + b"1]}",
    "zeros, packed": gzip.compress(b"0" * 1_000_000),
}
assert len(BODIES["5 MB and a byte"]) == MB_5 + 1
KINDS = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
    "application/json; charset=utf-16", "application/octet-stream", "", "no type at all",
)  # fmt: skip


def deep(levels: int) -> Any:
    found: Any = 1
    for _level in range(levels):
        found = {"a": found}
    return found


# In the place of any one value of a body that is else as it should be. Some may stand there: then they are kept whole.
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, "", " ", [], {}, [[]], [{}], {"a": []}, ["", 0, None], "x" * 100_001, deep(50), deep(70),
    2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64 - 1, 1e308, 5e-324, -0.0,
    "\u202ekcor", "ro\u200bse", "e\u0301", "\u00e9", "\ufeffrose", "\uffff", "\U0001f339", "\U0010ffff", "ﬁ", "ｒｏｓｅ", "İ",
    "ro\nse", "rose\r\nBcc: x@y.example", "\x01", "\x7f", "../../etc/passwd", "' OR 1=1 --", "%00", "<script>", "=1+1", "{{7*7}}", "{% x",
    "1e400", "-0", "-0.00", "0." + "1" * 40, "1E+2", "1e-3", "NaN", "sNaN", "Infinity", "٣", "１２", "9" * 10_000, "0x1F", "1_000", "+5",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00", "2016-12-31T23:59:60Z", "2038-01-19T03:14:08Z", "1901-12-13T20:45:51Z",
    "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00+23:59",
    "2026-11-01", "2026-W01-1", "10000-01-01T00:00:00Z", "-2026-01-01T00:00:00Z", "1761998400",
]  # fmt: skip


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value stands in a body, the whole of lists and objects included."""
    named = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [found for name, value in named for found in ((*path, name), *places(value, (*path, name)))]


def with_value(part: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with another value in that place."""
    if not path:
        return value
    made = list(part) if isinstance(part, list) else dict(part)
    made[path[0]] = with_value(part[path[0]], path[1:], value)
    return made


def picture() -> dict[str, tuple[int, str]]:
    """Of every table how many rows it has, and a hash over all they hold."""
    return {model._meta.label: _table(model) for model in apps.get_models(include_auto_created=True)}


def _table(model: Any) -> tuple[int, str]:
    rows = [
        tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
        for row in model._base_manager.order_by("pk").values_list()
    ]
    return len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()
