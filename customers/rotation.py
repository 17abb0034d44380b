"""Every person's key under the newest master key, while everything goes on.

A row holds its wrapped key and the name of the master key that opens it, and both change together: whoever reads it
before or after can open it, as long as both master keys are in `FIELD_KEYS`. What is sealed under a person's key is
not touched, nor any index, link or signature.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from customers import encryption
from customers.models import PersonKey

PAGE = 1000


@dataclass
class Rotated:
    """What was done. `left` counts the keys that are still under an older master key, by its name."""

    newest: str
    rewrapped: int = 0
    unreadable: int = 0
    """Their master key is not in FIELD_KEYS, or does not fit: nobody can read these people."""
    left: dict[str, int] = field(default_factory=dict)
    removable: list[str] = field(default_factory=list)
    """Master keys that nothing of this database needs any more."""
    pinned: str = ""
    """The one that wraps nothing any more and stays only because addresses are found by it (see INDEX_KEY)."""


def waiting() -> int:
    """How many keys are under another master key than the newest. Reads the whole table of keys."""
    return PersonKey.objects.exclude(master_key_id=newest()).count()


def newest() -> str:
    return next(iter(encryption.master_keys()))


def rotate(*, progress: Callable[[int], None] | None = None) -> Rotated:
    """Wrap every key under the newest master key, a page in a transaction of its own; asked again it goes on.

    Two queries a page of 1,000. Several may run at once. A key that is destroyed meanwhile stays destroyed: a page is
    an UPDATE, which makes no row. Keys that others make under an older master key meanwhile are found by a second walk.
    """
    done = Rotated(newest())
    while _walk(done, progress):
        done.unreadable = 0
    counted = PersonKey.objects.values_list("master_key_id").annotate(n=Count("pk")).order_by("master_key_id")
    done.left = {name: n for name, n in counted if name != done.newest}
    unused = [name for name in encryption.master_keys() if name != done.newest and name not in done.left]
    done.pinned = "" if settings.INDEX_KEY else encryption.index_key()[0]
    done.removable = [name for name in unused if name != done.pinned]
    return done


def _walk(done: Rotated, progress: Callable[[int], None] | None) -> int:
    """Once through all that are not under the newest; answers how many were wrapped anew."""
    found, last = 0, None
    while True:
        older = PersonKey.objects.exclude(master_key_id=done.newest).order_by("pk")
        page = list((older if last is None else older.filter(pk__gt=last))[:PAGE])
        if not page:
            return found
        last = page[-1].pk
        opened = []
        for key in page:
            try:
                encryption.wrap(key, encryption.data_key(key))
            except encryption.Unreadable:
                done.unreadable += 1
            else:
                opened.append(key)
        with transaction.atomic():
            changed = PersonKey.objects.bulk_update(opened, ["wrapped", "master_key_id"], batch_size=250)
        found += changed
        done.rewrapped += changed
        if progress is not None:
            progress(len(page))
