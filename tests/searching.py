"""Where words still stand: every table, every file of VAR_DIR, Redis.

Needs Django set up with the environment of an installation. The database's own file is searched too, where it is one:
a freed page might keep old bytes. Arrays in model files are opened, and each word is sought as it is, folded,
in JSON's spelling, in UTF-16 and in base64.
"""

import base64
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path


def forms(word: str) -> set[bytes]:
    spelt = {
        word,
        word.casefold(),
        word.upper(),
        json.dumps(word)[1:-1],
        word.replace("@", "%40").replace("+", "%2B"),
    }
    found = {text.encode() for text in spelt} | {word.encode("utf-16-le"), word.encode("utf-32-le")}
    return found | {base64.b64encode(word.encode()).rstrip(b"=")[:-1]}


def tables() -> Iterator[tuple[str, bytes]]:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    is_bytes = isinstance(value, bytes | memoryview)
                    yield f"table {table}", bytes(value) if is_bytes else str(value).encode()


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield f"file {path.relative_to(folder)}", str(path).encode() + b"\n" + path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"file {path.relative_to(folder)}:{name}", archive.read(name)


def redis() -> Iterator[tuple[str, bytes]]:
    url = os.environ.get("REDIS_URL", "")
    if not url:
        return
    from redis import Redis  # noqa: PLC0415

    line = Redis.from_url(url)
    for key in line.scan_iter(count=1000):
        yield "redis", bytes(key) + b"\n" + (line.dump(key) or b"")


def found(words: list[str]) -> list[str]:
    """Where any of the words stands, each place once."""
    from django.conf import settings  # noqa: PLC0415

    wanted = {form: word for word in words for form in forms(word)}
    places = set()
    for source in (tables(), files(settings.VAR_DIR), redis()):
        for place, content in source:
            places |= {f"{place}: {word}" for form, word in wanted.items() if form in content}
    return sorted(places)
