"""What tells this database from a copy of it: its own number and its mark, named in a file beside the journal."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.db import connection

from customers.models import Installation


def row_of() -> Installation:
    """The one row. Without one the database is new, or from before there was one: it takes the name in the file."""
    row = Installation.objects.order_by("pk").first()
    if row is not None:
        return row
    told = named()
    fresh, _is_new = Installation.objects.get_or_create(pk=told[0] if told else uuid4())
    if told is None:
        name(fresh, mark_of())
    return fresh


def file() -> Path:
    return Path(settings.JOURNAL_DIR) / "installation.json"


def named() -> tuple[UUID, str] | None:
    """(number, mark) of the database that is named beside the journal; None where none is. Raises ValueError."""
    try:
        told = orjson.loads(file().read_bytes())
        return UUID(told["id"]), str(told["mark"])
    except FileNotFoundError:
        return None


def name(row: Installation, mark: str) -> None:
    """From now on this is the database that sends."""
    where = file()
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_name(f"{where.name}.{os.getpid()}.part")
    part.write_bytes(orjson.dumps({"id": str(row.pk), "mark": mark}))
    part.replace(where)


def mark_of() -> str:
    """What a copy of this database does not have: PostgreSQL's number of it, SQLite's place on the disk."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT system_identifier, oid FROM pg_control_system(), pg_database WHERE datname = current_database()"
            )
            system, number = cursor.fetchone()
            return f"postgresql {system} {number}"
    place = Path(connection.settings_dict["NAME"])
    if not place.exists():
        return "memory"
    return f"sqlite {place.stat().st_ino}"  # not the disk's number too: it may change when the machine starts anew


def is_strange(row: Installation, mark: str) -> bool:
    return named() != (row.pk, mark)
