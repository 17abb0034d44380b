"""Files from a spreadsheet as rows, however it saved them; between the look and the press they wait in the page, signed."""

import hashlib
import zlib
from base64 import b64decode, b64encode
from csv import Error, Sniffer, reader
from io import StringIO
from typing import Any

from django.core import signing
from django.http import HttpRequest
from django.utils.translation import gettext

LARGEST = 2 * 1024 * 1024
WAITS_S = 30 * 60
ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")
"""As spreadsheets save: UTF-8, then what a Chinese and a Western Excel write."""
Row = tuple[int, list[str]]
"""(line of the file, cells)"""


class NotReadable(Exception):
    """The file cannot be looked at; the text says what to do."""


def chosen(request: HttpRequest) -> tuple[str, bytes]:
    """The file of a form: its own name without folders, and its content. Raises NotReadable."""
    file = request.FILES.get("file")
    if file is None:
        raise NotReadable(gettext("Choose a file first."))
    if (file.size or 0) > LARGEST:
        raise NotReadable(gettext("The file is larger than 2 MB."))
    name = (file.name or "").replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return name[:100] or "file.csv", file.read()


def rows(content: bytes, *, most: int, too_much: str) -> list[Row]:
    """The first row and at most `most` below it. `too_much` is said of more. Raises NotReadable."""
    if len(content) > LARGEST:
        raise NotReadable(gettext("The file is larger than 2 MB.") + " " + too_much)
    if content[:2] == b"PK":
        raise NotReadable(gettext("This is an Excel workbook. Save it as CSV UTF-8 and choose that file."))
    text = decoded(content)
    first = text.partition("\n")[0]
    try:
        comma = Sniffer().sniff(first, delimiters=",;\t").delimiter
    except Error:  # one column has none
        comma = ","
    table = reader(StringIO(text), delimiter=comma, strict=True)
    try:
        found = [(table.line_num, row) for row in table if any(row)]
    except Error as error:
        told = gettext("Near line %s a quotation mark was opened and not closed.") % table.line_num
        raise NotReadable(told) from error
    if len(found) < 2:
        raise NotReadable(gettext("The file has no rows below its first line, which names the columns."))
    if len(found) > most + 1:
        raise NotReadable(gettext("More than %s rows.") % f"{most:,}" + " " + too_much)
    return found


def decoded(content: bytes) -> str:
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise NotReadable(gettext("This is no text file. Save it as CSV UTF-8 and choose that file."))


def itself(cell: str) -> str:
    """What a spreadsheet was kept from taking for a formula (`files.harmless`), as it was."""
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip()[:1] in ("=", "+", "-", "@") else cell


def sealed(purpose: str, content: bytes, *, by: str, **more: Any) -> str:
    packed = b64encode(zlib.compress(content, 9)).decode()
    return signing.dumps({"file": packed, **more}, salt=_salt(purpose, by))


def unsealed(purpose: str, value: str, *, by: str) -> tuple[bytes, dict[str, Any]]:
    """What was looked at, by whoever looked, and no other file. Raises NotReadable."""
    try:
        said = signing.loads(value, salt=_salt(purpose, by), max_age=WAITS_S)
    except signing.BadSignature as error:
        told = gettext("It waited too long, or is not the file you looked at. Choose it again.")
        raise NotReadable(told) from error
    return zlib.decompress(b64decode(said.pop("file"))), said


def _salt(purpose: str, by: str) -> str:
    return hashlib.sha256(f"bring in {purpose} {by}".encode()).hexdigest()
