"""So many requests a minute, counted exactly: by key, and by address where no key is known.

A minute is the clock's. Each request takes a number of its own by one atomic step, and as many numbers as are allowed
are let through: never more, however many ask at once, and never fewer.
"""

import hashlib
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger()
FROM_ONE_ADDRESS = 60
"""So many requests a minute without a key: of what is open to everybody, and costs the server most."""
_FOLDER = "throttle"


@dataclass(frozen=True)
class Count:
    """Whether one more request may come, else after how many seconds; `resets_at` in seconds since 1970."""

    is_allowed: bool
    wait: int
    resets_at: int


def counted(key_id: int | str) -> Count:
    """Count one request of this key, or of what stands for one, in the running minute."""
    return _counted(f"key-{key_id}", settings.API_REQUESTS_PER_MINUTE)


def counted_address(address: str) -> Count:
    """Count one request of nobody known from this address. Its hash is kept for two minutes or so."""
    return _counted(f"from-{hashlib.sha256(address.encode()).hexdigest()[:32]}", FROM_ONE_ADDRESS)


def _counted(name: str, most: int) -> Count:
    """Where neither Redis nor the disk answers nobody is counted, and nobody is turned away."""
    now = time.time()
    minute = int(now // 60)
    try:
        number = _number_by_redis(name, minute) if settings.REDIS_URL else _number_by_file(name, minute)
    except (OSError, RedisError) as error:
        log.warning("requests are not counted", reason=type(error).__name__)
        number = 1
    resets_at = 60 * (minute + 1)
    return Count(number <= most, max(math.ceil(resets_at - now), 1), resets_at)


def _number_by_redis(name: str, minute: int) -> int:
    key = f"throttle:{name}:{minute}"
    cache.add(key, 0, timeout=120)
    try:
        return int(cache.incr(key))
    except ValueError:  # Redis was emptied between the two lines: the count begins again
        return 1


def _number_by_file(name: str, minute: int) -> int:
    """One byte appended to a file that all processes of this machine share; its place is the request's number.

    The cache would not do: each process has its own, and drops entries when it holds many.
    """
    folder = settings.VAR_DIR / _FOLDER / str(minute)
    try:
        file = os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except FileNotFoundError:  # the first of this minute
        folder.mkdir(parents=True, exist_ok=True)
        _drop_before(folder)
        file = os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, b".")
        return os.lseek(file, 0, os.SEEK_CUR)
    finally:
        os.close(file)


def _drop_before(folder: Path) -> None:
    """The folder of the minute before stays: somebody may be counting there still."""
    for other in folder.parent.iterdir():
        if other.name.isdecimal() and int(other.name) < int(folder.name) - 1:
            shutil.rmtree(other, ignore_errors=True)
