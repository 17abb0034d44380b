"""Sending what waits: each message at least once, by one worker at a time, and no endpoint holds up another.

waiting → sending → sent | waiting again | failed | withheld

A page is claimed by a conditional update with a lease; every later update names the attempt it belongs to, so whoever
slept past their lease changes nothing. A worker that dies between the receiver's yes and its own note sends again under
the same webhook-id: a receiver tells by it what it has already.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from campaigns import outward
from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.outward import Broken, NotAllowed, Place, Unreachable, Way
from campaigns.webhooks import endpoints, saying
from campaigns.webhooks.saying import Withheld
from customers import consent, encryption, installation

Clock = Callable[[], datetime]
State = WebhookMessage.State
PAGE = 20
# Longer than the look at the gate and a whole answer may take together.
LEASE = timedelta(minutes=2)
# As Standard Webhooks suggest: at once, and then after these; given up after ten tries, which is three days.
WAITS = tuple(
    timedelta(**{unit: n})
    for n, unit in (
        (5, "seconds"), (5, "minutes"), (30, "minutes"), (2, "hours"), (5, "hours"),
        (10, "hours"), (14, "hours"), (20, "hours"), (24, "hours"),
    )
)  # fmt: skip
JITTER = 0.1
# An endpoint that nobody answers at is left alone for a while, longer each time, whatever waits for it.
RESTS = tuple(timedelta(seconds=n) for n in (5, 15, 30, 60, 120, 300))
DOWN = (429, 502, 503, 504)
GONE = 410
PAUSED_AFTER = timedelta(days=5)
# For one endpoint, at one ring.
MOST_MESSAGES = 500
MOST_TIME = timedelta(seconds=20)
MOST_FAILURES = 5
MOST_HISTORY = 30
log = structlog.get_logger()


@dataclass(frozen=True)
class Answer:
    """What came of one attempt. `status` None: nobody answered."""

    status: int | None
    said: str
    ms: int

    @property
    def is_yes(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_down(self) -> bool:
        """Nothing else would arrive there now either."""
        return self.status is None or self.status in DOWN


def send_all(*, clock: Clock, rng: np.random.Generator, way: Way | None = None) -> Counter[str]:
    """Send what is due, those first that answered last time; answers how many ended how. Nothing while sending is held."""
    done: Counter[str] = Counter()
    if not installation.may_send(at=clock()):
        return done
    release_expired(at=clock())
    if due := _due(clock()):
        way = way or Way()
        for endpoint in due:
            done += send(endpoint, clock=clock, rng=rng, way=way)
    return done


def _due(at: datetime) -> list[WebhookEndpoint]:
    waiting = WebhookMessage.objects.filter(endpoint=OuterRef("pk"), state=State.WAITING, not_before__lte=at)
    rows = WebhookEndpoint.objects.filter(Exists(waiting), paused_at__isnull=True)
    rested = Q(rests_until__isnull=True) | Q(rests_until__lte=at)
    return list(rows.filter(rested).select_related("key").order_by("failures", "pk"))


def release_expired(*, at: datetime) -> int:
    """What a worker took and never noted waits again; how many."""
    over = WebhookMessage.objects.filter(lease_until__lt=at, state=State.SENDING)
    return over.update(state=State.WAITING, lease_until=None)


def send(endpoint: WebhookEndpoint, *, clock: Clock, rng: np.random.Generator, way: Way) -> Counter[str]:
    """What is due for one endpoint, so long as it answers, so many, and for so long."""
    done: Counter[str] = Counter()
    until, failures = clock() + MOST_TIME, 0
    try:
        secrets = endpoints.secrets_of(endpoint)
    except encryption.Unreadable:
        log.error("a webhook's secrets cannot be read", webhook=endpoint.pk)
        return done
    for page in _pages(endpoint, clock):
        for n, message in enumerate(page):
            if clock() >= until or failures >= MOST_FAILURES or not installation.may_send(at=clock()):
                _put_back(page[n:])
                return done
            fate, answer = _send_one(message, secrets, clock=clock, rng=rng, way=way)
            done[fate] += 1
            if answer is None:
                continue
            failures += not answer.is_yes
            if not _note_of_endpoint(endpoint, answer, at=clock()):
                _put_back(page[n + 1 :])
                return done
    return done


def _pages(endpoint: WebhookEndpoint, clock: Clock) -> Iterator[list[WebhookMessage]]:
    for _n in range(MOST_MESSAGES // PAGE):
        page = claim(endpoint, at=clock())
        if not page:
            return
        yield page


def claim(endpoint: WebhookEndpoint, *, at: datetime) -> list[WebhookMessage]:
    """Make the next page ours. Two workers never get the same message."""
    with transaction.atomic():
        due = endpoint.messages.filter(
            state=State.WAITING, not_before__lte=at, endpoint__paused_at__isnull=True
        ).order_by("not_before", "pk")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(of=("self",), skip_locked=True)
        ids = list(due.values_list("pk", flat=True)[:PAGE])
        mine = WebhookMessage.objects.filter(pk__in=ids, state=State.WAITING)
        mine.update(state=State.SENDING, attempt=F("attempt") + 1, lease_until=at + LEASE)
    rows = WebhookMessage.objects.filter(pk__in=ids, state=State.SENDING).select_related("endpoint")
    return list(rows.order_by("not_before", "pk"))


def _mine(message: WebhookMessage) -> QuerySet[WebhookMessage]:
    """The row, while it is ours."""
    return WebhookMessage.objects.filter(pk=message.pk, state=State.SENDING, attempt=message.attempt)


def _put_back(page: list[WebhookMessage]) -> None:
    """Nothing was said of these: not one of their tries."""
    for message in page:
        _mine(message).update(state=State.WAITING, lease_until=None)


def _send_one(
    message: WebhookMessage, secrets: list[str], *, clock: Clock, rng: np.random.Generator, way: Way
) -> tuple[str, Answer | None]:
    """Bring one claimed message to its next state; that state, and what the receiver said where it was asked."""
    began = time.monotonic()
    try:
        place = way.look_up(message.endpoint.url)
    except (NotAllowed, Unreachable) as error:
        answer = Answer(None, str(error), _ms(began))
        return _note(message, answer, at=clock(), rng=rng), answer
    body = _begin(message, at=clock())
    if isinstance(body, Withheld):
        return State.WITHHELD, None
    if body is None:
        return "lost", None
    answer = _ask(way, place, message, body, secrets, at=clock())
    return _note(message, answer, at=clock(), rng=rng), answer


def _begin(message: WebhookMessage, *, at: datetime) -> bytes | Withheld | None:
    """Ask everything once more and say that it is being sent, in one commit under the person's lock.

    A withdrawal that commits first always wins. None where the message is not ours any more, or went with its person.
    """
    with transaction.atomic():
        if message.customer_id is not None:
            consent.hold_only([message.customer_id])
        if not _mine(message).filter(lease_until__gt=at).update(lease_until=at + LEASE):
            return None
        body = saying.said(message, at=at)
        if isinstance(body, Withheld):
            _mine(message).update(state=State.WITHHELD, reason=body.reason, ended_at=at, lease_until=None)
        return body


def _ask(
    way: Way, place: Place, message: WebhookMessage, body: bytes, secrets: list[str], *, at: datetime
) -> Answer:
    began = time.monotonic()
    headers = outward.signed(webhook_id(message), body, secrets, at=at)
    try:
        status = way.post(place, body, headers)
    except (Unreachable, Broken) as error:
        return Answer(None, str(error), _ms(began))
    return Answer(status, "", _ms(began))


def webhook_id(message: WebhookMessage) -> str:
    return f"msg_{message.pk.hex}"


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _note(message: WebhookMessage, answer: Answer, *, at: datetime, rng: np.random.Generator) -> str:
    """Keep what came of it, and when it is tried again; the state it is in now."""
    line = {"at": at.isoformat(), "status": answer.status, "said": answer.said[:200], "ms": answer.ms}
    values: dict[str, Any] = {
        "history": [*message.history, line][-MOST_HISTORY:],
        "tries": message.tries + 1,
        "lease_until": None,
    }
    if answer.is_yes:
        values |= {"state": State.SENT, "ended_at": at}
    elif answer.status == GONE or message.tries >= len(WAITS):
        values |= {"state": State.FAILED, "ended_at": at}
    else:
        wait = WAITS[message.tries] * (1 + JITTER * rng.random())
        values |= {"state": State.WAITING, "not_before": at + wait}
    if not _mine(message).update(**values):
        return "lost"
    return str(values["state"])


def _note_of_endpoint(endpoint: WebhookEndpoint, answer: Answer, *, at: datetime) -> bool:
    """What an answer says of the endpoint itself; False where nothing more should be said there now."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if answer.is_yes:
        if endpoint.failing_since is not None or endpoint.failures:
            rows.update(failing_since=None, failures=0, rests_until=None)
            endpoint.failing_since, endpoint.failures = None, 0
        return True
    endpoint.failing_since = endpoint.failing_since or at
    endpoint.failures += 1
    rest = RESTS[min(endpoint.failures, len(RESTS)) - 1] if answer.is_down else None
    rows.update(
        failing_since=Coalesce(F("failing_since"), at),
        failures=endpoint.failures,
        rests_until=at + rest if rest is not None else None,
    )
    if answer.status == GONE:
        endpoints.pause(endpoint, at=at, because=WebhookEndpoint.Because.GONE, by="platform")
        return False
    if at - endpoint.failing_since >= PAUSED_AFTER:
        endpoints.pause(endpoint, at=at, because=WebhookEndpoint.Because.FAILING, by="platform")
        return False
    return not answer.is_down
