"""So many requests a minute and key, counted exactly."""

import math
import time
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger()


@dataclass(frozen=True)
class Count:
    """Whether one more request may come, else after how many seconds; `resets_at` in seconds since 1970."""

    is_allowed: bool
    wait: int
    resets_at: int


def counted(key_id: int | str) -> Count:
    """Count one request of this key (or of what stands for one) in the running minute, by one atomic increment.

    Without a cache nobody is counted, and nobody is turned away.
    """
    now = time.time()
    minute = int(now // 60)
    name = f"throttle:{key_id}:{minute}"
    try:
        cache.add(name, 0, timeout=120)
        made = cache.incr(name)
    except ValueError:  # the cache dropped it between the two lines: the count begins again
        made = 1
    except (OSError, RedisError) as error:
        log.warning("requests are not counted", reason=type(error).__name__)
        made = 1
    resets_at = 60 * (minute + 1)
    return Count(
        bool(made <= settings.API_REQUESTS_PER_MINUTE), max(math.ceil(resets_at - now), 1), resets_at
    )
