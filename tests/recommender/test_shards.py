"""Several workers count pairs as one would, whoever dies, tears a file, or withdraws."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from catalog.models import Product
from config.processes import BASE_DIR
from customers import consent
from recommender import evaluation, tasks
from recommender.algorithms.gram import Dense, gram
from recommender.models import PairCount, PairShard
from recommender.training import shards
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def single() -> Dense:
    """Everybody's pairs at once, over every listed product."""
    bought = evaluation.learnable(at=NOW)
    items = np.array(sorted(Product.objects.values_list("pk", flat=True)))
    whole = np.zeros((len(items), len(items)), dtype=np.float32)
    places = np.searchsorted(items, bought.items)
    whole[np.ix_(places, places)] = gram(bought.binary())
    return whole


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_sum_of_the_shards_is_the_single_count(shop: list[str], parts: int) -> None:
    whole = shards.deal(parts, at=NOW)
    assert whole.shards.count() == parts
    tasks.count_pairs()
    counts, items = shards.result(whole)
    assert np.array_equal(counts, single())
    assert items.tolist() == sorted(Product.objects.values_list("pk", flat=True))


def test_two_workers_take_different_shards_and_the_last_one_adds_up(shop: list[str]) -> None:
    whole = shards.deal(2, at=NOW)
    one, other = shards.claim(at=NOW), shards.claim(at=NOW)
    assert one is not None and other is not None
    assert one.pk != other.pk
    assert shards.claim(at=NOW) is None
    shards.count(other, at=NOW)
    with pytest.raises(shards.NotReady, match="1 shards"):
        shards.result(whole)
    shards.count(one, at=NOW)
    assert np.array_equal(shards.result(whole)[0], single())


def test_a_dead_workers_shard_is_taken_up_when_its_lease_is_over(shop: list[str]) -> None:
    whole = shards.deal(2, at=NOW)
    dead = shards.claim(at=NOW)
    assert dead is not None
    shards.work(at=NOW)
    assert not PairCount.objects.get().file
    shards.work(at=NOW + shards.LEASE + timedelta(seconds=1))
    assert np.array_equal(shards.result(whole)[0], single())
    before = whole.file
    shards.count(dead, at=NOW)  # it was only slow: what it brings now changes nothing
    whole.refresh_from_db()
    assert whole.file == before


def test_a_worker_that_dies_before_adding_up_leaves_that_to_the_next(shop: list[str], monkeypatch) -> None:
    whole = shards.deal(2, at=NOW)
    with monkeypatch.context() as dying:
        dying.setattr(shards, "add_up", lambda *args, **more: None)
        shards.work(at=NOW)
    assert PairShard.objects.exclude(file="").count() == 2
    shards.work(at=NOW)
    assert np.array_equal(shards.result(whole)[0], single())


def test_a_torn_shard_is_counted_again(shop: list[str]) -> None:
    whole = shards.deal(3, at=NOW)
    first = shards.claim(at=NOW)
    assert first is not None
    shards.count(first, at=NOW)
    first.refresh_from_db()
    path = configured.MODEL_DIR / first.file
    path.write_bytes(path.read_bytes()[:-1])
    shards.work(at=NOW)
    assert np.array_equal(shards.result(whole)[0], single())
    first.refresh_from_db()
    assert first.attempt == 2


def test_whoever_does_not_allow_it_is_in_no_shard(shop: list[str]) -> None:
    before = single()
    whole = shards.deal(2, at=NOW)
    gone = consent.permitted("personalization").order_by("pk").values_list("pk", flat=True)[0]
    consent.withdraw(gone, "personalization", method="m", source="s", actor="a", at=NOW)
    shards.work(at=NOW)
    counts, _items = shards.result(whole)
    assert np.array_equal(counts, single())
    assert np.trace(counts) < np.trace(before)


def test_a_product_listed_while_counting_is_not_among_them(shop: list[str]) -> None:
    late = Product.objects.order_by("pk").last()
    assert late is not None
    Product.objects.filter(pk=late.pk).update(is_listed=False)
    whole = shards.deal(2, at=NOW)
    Product.objects.filter(pk=late.pk).update(is_listed=True)
    shards.work(at=NOW)
    counts, items = shards.result(whole)
    assert late.pk not in items
    assert np.array_equal(counts, single()[:-1, :-1])


def test_nobody_to_count_and_no_shards_are_refused(db, settings, tmp_path) -> None:
    settings.MODEL_DIR = tmp_path
    with pytest.raises(ValueError, match="nobody allows"):
        shards.deal(2, at=NOW)
    with pytest.raises(CommandError, match="at least one shard"):
        call_command("count_pairs", "--shards", "0")
    assert not PairCount.objects.exists()


def test_the_command_counts_and_says_what(shop: list[str]) -> None:
    said = StringIO()
    call_command("count_pairs", "--shards", "3", "--json", stdout=said)
    figures = json.loads(said.getvalue())
    assert (figures["shards"], figures["products"]) == (3, 24)
    assert figures["purchases"] == np.trace(single())


WORKER = """
import django; django.setup()
from django.conf import settings; from pathlib import Path
settings.MODEL_DIR = Path({folder!r})
from recommender import tasks
tasks.count_pairs()
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_count_what_one_does(shop: list[str], tmp_path) -> None:
    """On PostgreSQL, where two processes can share the test's database; the embedded one of the tests is in memory."""
    if connection.vendor != "postgresql":
        pytest.skip("the tests' embedded database belongs to one process")
    whole = shards.deal(6, at=timezone.now())
    server = connection.settings_dict
    address = (
        f"postgres://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
    )
    script = WORKER.format(folder=str(tmp_path))
    environment = {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "config.settings"}
    workers = [
        subprocess.Popen([sys.executable, "-c", script], cwd=BASE_DIR, env={**os.environ, **environment})
        for _ in range(2)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    assert np.array_equal(shards.result(whole)[0], single())
