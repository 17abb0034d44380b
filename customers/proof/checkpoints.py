"""A signed root over all chains, kept outside the database: what a changed, cut or restored database is held against.

Every checkpoint covers exactly the records up to `newest_record`, so its root can be computed again from the ledger
at any time. One is signed only if the ledger still continues the one before, so the newest stands for all of them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from customers.models import Checkpoint, ConsentRecord
from customers.proof import reading, signing, treefile
from customers.proof.merkle import Tree
from customers.proof.reading import DoesNotExtend
from customers.proof.signing import Line

ADVISORY_LOCK = 0x7AC7_1ED6


def folder() -> Path:
    return Path(settings.CHECKPOINT_DIR)


def files() -> list[Path]:
    """The files of checkpoints, one a month, oldest first."""
    return sorted(folder().glob("????-??.jsonl"))


def make(*, at: datetime, begin_anew: bool = False) -> Checkpoint | None:
    """Sign and write down a checkpoint. None if nothing is new, another is at it, or a writer does not end.

    Reads the records since the last one and the tree's file: at a million people 112 bytes a person, twice. Raises
    DoesNotExtend when the ledger no longer holds what the last checkpoint covers, and signs nothing; `begin_anew`
    (after a backup was restored) starts a new series, which everyone can see by its missing previous root.
    """
    with _alone() as is_alone:
        if not is_alone:
            return None
        last = None if begin_anew else reconcile()
        newest = reading.settled()
        if newest is None:
            return None
        if last is not None and newest < last.newest_record:
            raise DoesNotExtend(
                f"the ledger ends at record {newest}, the last checkpoint covers {last.newest_record}"
            )
        if newest == (last.newest_record if last else 0):
            return None
        tree = tree_of(last) if last else Tree()
        if last is not None:
            _still_holds(tree, last.newest_record)
        tree.update(reading.changed(tree, after=last.newest_record if last else 0, until=newest))
        line = signing.sign(
            Line(
                format=signing.FORMAT,
                at=signing.moment(at),
                people=tree.people,
                records=tree.records,
                newest_record=newest,
                root=tree.root().hex(),
                previous_root=last.root if last else "",
                key_id=signing.key_id(signing.public_key()),
            )
        )
        signing.keep_public_key()
        _append(line)
        row = _row(line)
        row.save(force_insert=True)
        treefile.save(tree)
        return row


def tree_of(line: Line) -> Tree:
    """The tree of a checkpoint, from its file or from the ledger. Raises DoesNotExtend if that has another root."""
    tree = treefile.load(line.root, whole=True)
    if tree is None:
        tree = Tree()
        tree.update(reading.changed(tree, after=0, until=line.newest_record))
        if tree.root().hex() != line.root:
            raise DoesNotExtend(
                f"the records up to {line.newest_record} are not those of the last checkpoint"
            )
        treefile.save(tree)
    return tree


def _still_holds(tree: Tree, newest_record: int) -> None:
    """The last covered record is its person's head then; after a restored backup its number bears another record."""
    row = (
        ConsentRecord.objects.filter(pk=newest_record).values_list("customer_id", "sequence", "hash").first()
    )
    if row is None or tree.head(row[0]) != (row[1], row[2]):
        raise DoesNotExtend(f"record {newest_record} is not the one that the last checkpoint covers")


@contextmanager
def _alone() -> Iterator[bool]:
    """One maker at a time, on this machine and on all that share a PostgreSQL; whoever comes second does not wait."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if connection.vendor != "postgresql":
            yield True
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            yield cursor.fetchone()[0]


def _append(line: Line) -> None:
    """Add the line to its month's file, and return only when the disk has it."""
    path = folder() / f"{line.at[:7]}.jsonl"
    is_new = not path.exists()
    with path.open("a+b") as file:
        # What a power cut left of a line was never answered for.
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line.text() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        descriptor = os.open(folder(), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _row(line: Line) -> Checkpoint:
    return Checkpoint(
        at=datetime.fromisoformat(line.at),
        people=line.people,
        records=line.records,
        newest_record=line.newest_record,
        root=line.root,
        previous_root=line.previous_root,
        key_id=line.key_id,
        signature=line.signature,
    )


def line_of(row: Checkpoint) -> Line:
    return Line(
        format=signing.FORMAT,
        at=signing.moment(row.at),
        people=row.people,
        records=row.records,
        newest_record=row.newest_record,
        root=row.root,
        previous_root=row.previous_root,
        key_id=row.key_id,
        signature=row.signature,
    )


def newest_line() -> Line | None:
    """The last genuine line of the newest file. A torn last line (power cut while writing) counts for nothing."""
    keys = signing.known_keys()
    for path in reversed(files()):
        for text in reversed(path.read_bytes().split(b"\n")):
            if text:
                try:
                    return signing.check(signing.parsed(text), keys)
                except signing.NotGenuine:
                    continue
    return None


def reconcile() -> Line | None:
    """Make files and table agree after a crash between the two, and return the newest checkpoint.

    A line without its row gets the row; rows that another machine wrote get their lines. Raises DoesNotExtend where
    neither holds what the other has.
    """
    line = newest_line()
    newest = Checkpoint.objects.order_by("-pk").first()
    if line is not None and newest is not None and line.signature == newest.signature:
        return line
    if newest is None:
        if line is not None:
            _row(line).save(force_insert=True)
        return line
    known = Checkpoint.objects.filter(signature=line.signature).first() if line else None
    if line is None or known is not None:
        for row in Checkpoint.objects.filter(pk__gt=known.pk if known else 0).order_by("pk").iterator():
            _append(line_of(row))
        return line_of(newest)
    if not any(newest.signature.encode() in path.read_bytes() for path in reversed(files())):
        raise DoesNotExtend(
            "the newest checkpoint of the table is in no file, and that of the files not in the table"
        )
    _row(line).save(force_insert=True)
    return line
