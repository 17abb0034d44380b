"""So many requests a minute and no more, however many ask at once: threads, processes, and servers beside each other."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache

from customers import throttle
from customers.throttle import FROM_ONE_ADDRESS, Count, counted, counted_address
from tests.conftest import NOW

ALLOWED, ASKED, THREADS = 40, 400, 16


@pytest.fixture(autouse=True)
def _few_are_allowed(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(throttle, "_FOLDER", "throttle")
    settings.API_REQUESTS_PER_MINUTE = ALLOWED
    settings.VAR_DIR = tmp_path
    yield


@pytest.fixture
def key() -> int:
    """A number that no other test, and no other process on the same Redis, counts by."""
    return uuid4().int >> 66


@pytest.mark.processes
def test_of_many_at_once_exactly_so_many_are_let_through(key: int) -> None:
    with time_machine.travel(NOW, tick=False), ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda _n: counted(key), range(ASKED)))
    assert sum(one.is_allowed for one in found) == ALLOWED


@pytest.mark.processes
def test_keys_do_not_count_for_each_other(key: int) -> None:
    with time_machine.travel(NOW, tick=False), ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda n: (n % 4, counted(key + n % 4).is_allowed), range(ASKED)))
    assert Counter(one for one, allowed in found if allowed) == dict.fromkeys(range(4), ALLOWED)


@pytest.mark.processes
def test_processes_count_together(key: int, tmp_path: Path) -> None:
    """Four of them, 100 requests each, in one minute that does not turn meanwhile."""
    script = (
        "import sys, django; from pathlib import Path; import tests.environment; django.setup(); "
        "from django.conf import settings; settings.VAR_DIR = Path(sys.argv[1]); "
        f"settings.API_REQUESTS_PER_MINUTE = {ALLOWED}; import customers.throttle as t; "
        f"t.time.time = lambda: {NOW.timestamp()}; "
        "print(sum(t.counted(int(sys.argv[2])).is_allowed for _n in range(100)))"
    )
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(key)], stdout=subprocess.PIPE, text=True
        )
        for _n in range(4)
    ]
    assert sum(int(one.communicate(timeout=300)[0]) for one in begun) == ALLOWED


@pytest.mark.processes
def test_a_full_cache_lets_nobody_more_through(key: int) -> None:
    """Of an embedded cache a third is dropped when it holds more than some hundreds."""
    with time_machine.travel(NOW, tick=False):
        allowed = 0
        for n in range(ALLOWED + 20):
            allowed += counted(key).is_allowed
            for other in range(20):
                cache.set(f"{key}-{n}-{other}", n, timeout=60)
    assert allowed == ALLOWED


@pytest.mark.processes
def test_the_next_minute_begins_anew_and_that_is_what_retry_after_says(key: int) -> None:
    with time_machine.travel(NOW.replace(second=17), tick=False) as clock:
        for _n in range(ALLOWED):
            assert counted(key).is_allowed
        refused = counted(key)
        assert refused == Count(False, 43, int(NOW.timestamp()) + 60)
        clock.shift(refused.wait - 1)
        assert counted(key) == Count(False, 1, refused.resets_at)
        clock.shift(1)
        assert counted(key).is_allowed


@pytest.mark.once
def test_files_of_earlier_minutes_are_dropped_and_hold_no_address(settings, tmp_path: Path) -> None:
    settings.REDIS_URL = ""
    with time_machine.travel(NOW, tick=False) as clock:
        counted_address("192.0.2.7")
        clock.shift(60)
        counted(1)
        clock.shift(60)
        counted(1)
    minute = int(NOW.timestamp()) // 60
    found = sorted(
        str(path.relative_to(tmp_path / "throttle")) for path in tmp_path.rglob("*") if path.is_file()
    )
    assert found == [f"{minute + 1}/key-1", f"{minute + 2}/key-1"]


@pytest.mark.once
def test_where_nothing_can_be_counted_nobody_is_turned_away(settings) -> None:
    settings.REDIS_URL, settings.VAR_DIR = "", Path("/dev/null")
    assert all(counted(1).is_allowed for _n in range(ALLOWED + 1))


@pytest.mark.processes
def test_who_has_no_key_is_counted_by_address(key: int) -> None:
    with time_machine.travel(NOW, tick=False), ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda _n: counted_address(f"192.0.2.{key}").is_allowed, range(ASKED)))
        assert sum(found) == FROM_ONE_ADDRESS
        assert counted_address(f"192.0.3.{key}").is_allowed
