"""Pairs counted by several workers: each takes a shard of people, whoever finishes last adds the shards up.

The rows are the queue, Celery only rings: a shard whose worker died is free again when its lease is over, and one whose
file is torn or gone is counted again. Counts are whole numbers, so the sum is the one worker's, to the last digit.
Consent is joined in each shard's own reading: whoever does not allow it is in none.
"""

from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from scipy import sparse

from catalog.models import Product
from customers import consent, histories
from recommender.algorithms import gram, storage
from recommender.algorithms.base import Arrays
from recommender.algorithms.gram import Dense
from recommender.algorithms.interactions import IntArray, places_of
from recommender.models import PairCount, PairShard

LEASE = timedelta(minutes=30)
PURPOSE = "personalization"


class NotReady(Exception):
    """Shards are still to be counted, or were found torn and are to be counted again."""


def deal(shards: int, *, at: datetime) -> PairCount:
    """Ask for a count of everything before `at`: ranges of ids with equally many people, and the products of all.

    The products are written down once, so that every shard counts the same ones. The files live for a
    day. Raises ValueError for no shards, and where nobody allows it.
    """
    if shards < 1:
        raise ValueError("at least one shard")
    items = np.array(Product.objects.listed().order_by("pk").values_list("pk", flat=True), dtype=np.int64)
    people = np.array(consent.permitted(PURPOSE).order_by("pk").values_list("pk", flat=True), dtype=np.int64)
    if not len(people):
        raise ValueError("nobody allows personalization")
    edges = sorted({int(part[0]) for part in np.array_split(people, shards) if len(part)})
    file = f"pairs-{at:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}-items.npz"
    sha256 = storage.write_arrays(settings.MODEL_DIR / file, {}, {"items": items})
    ends = [*edges[1:], int(people[-1]) + 1]
    with transaction.atomic():
        count = PairCount.objects.create(until=at, items_file=file, items_sha256=sha256)
        PairShard.objects.bulk_create(
            PairShard(count=count, first=first, beyond=beyond)
            for first, beyond in zip(edges, ends, strict=True)
        )
    return count


def claim(*, at: datetime) -> PairShard | None:
    """A shard that nobody has counted and nobody is counting, now ours for the length of a lease."""
    free = Q(file="") & (Q(lease_until__isnull=True) | Q(lease_until__lt=at))
    for shard in PairShard.objects.filter(free).order_by("pk")[:5]:
        if PairShard.objects.filter(free, pk=shard.pk).update(
            lease_until=at + LEASE, attempt=F("attempt") + 1
        ):
            shard.refresh_from_db()
            return shard
    return None


def count(shard: PairShard, *, at: datetime) -> None:
    """Count a claimed shard, write it down, and add up all of them if it was the last."""
    whole = shard.count
    found = gram.pack(*_counted(whole, shard.first, shard.beyond))
    file = f"{whole.items_file.removesuffix('-items.npz')}-{shard.first}-{shard.attempt}.npz"
    sha256 = storage.write_arrays(settings.MODEL_DIR / file, {}, found)
    # Whoever lost the lease meanwhile has counted the same people; one file is enough.
    PairShard.objects.filter(pk=shard.pk, attempt=shard.attempt).update(file=file, sha256=sha256)
    if not whole.shards.filter(file="").exists():
        add_up(whole, at=at)


def _counted(whole: PairCount, first: int, beyond: int) -> tuple[Dense, IntArray]:
    """(n_items, n_items) float32 over these people, and the products' ids."""
    path = settings.MODEL_DIR / whole.items_file
    items: IntArray = storage.read_arrays(path, sha256=whole.items_sha256)[1]["items"]
    ours = consent.permitted(PURPOSE).filter(pk__gte=first, pk__lt=beyond)
    bought = histories.purchases(PURPOSE, until=whole.until, customers=ours)
    columns, known = places_of(bought.products, items)  # a product listed since is not among them
    users, rows = np.unique(bought.customers[known], return_inverse=True)
    ones = np.ones(len(rows), dtype=np.float32)
    taken = sparse.csr_matrix((ones, (rows, columns[known])), shape=(len(users), len(items)))
    taken.data[:] = 1.0
    return gram.gram(taken), items


def work(*, at: datetime) -> None:
    """Count until no shard is free, then add up what nobody has: its last worker may have died between the two."""
    while (shard := claim(at=at)) is not None:
        try:
            count(shard, at=at)
        except NotReady:  # another one was torn: it is free again, and next
            continue
    for whole in PairCount.objects.filter(file="", shards__isnull=False).exclude(shards__file="").distinct():
        add_up(whole, at=at)


def add_up(whole: PairCount, *, at: datetime) -> None:
    """Write the sum of the shards down, once. Raises NotReady; a torn shard is then free to be counted again."""
    file = whole.items_file.replace("-items.npz", f"-sum-{uuid4().hex[:8]}.npz")
    total, items = gram.summed(_read(shard) for shard in whole.shards.order_by("first"))
    sha256 = storage.write_arrays(settings.MODEL_DIR / file, {}, gram.pack(total, items))
    PairCount.objects.filter(pk=whole.pk, file="").update(file=file, sha256=sha256, ended_at=at)


def _read(shard: PairShard) -> Arrays:
    if not shard.file:
        raise NotReady(f"the people {shard} are still to be counted")
    try:
        return storage.read_arrays(settings.MODEL_DIR / shard.file, sha256=shard.sha256)[1]
    except storage.TornModel as error:
        PairShard.objects.filter(pk=shard.pk, file=shard.file).update(file="", sha256="", lease_until=None)
        raise NotReady(f"{error}; its people are to be counted again") from error


def result(whole: PairCount) -> tuple[Dense, IntArray]:
    """The (n_items, n_items) float32 counts and the products' ids. Raises NotReady, TornModel."""
    whole.refresh_from_db()
    if not whole.file:
        raise NotReady(f"{whole.shards.filter(file='').count()} shards are still to be counted")
    arrays = storage.read_arrays(settings.MODEL_DIR / whole.file, sha256=whole.sha256)[1]
    return gram.summed(iter([arrays]))
