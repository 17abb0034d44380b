"""How fast each receiving domain is written to: a limit set by hand, and what its own answers taught.

A page reserves a share of a domain's minute at once, so that no row is written for each message. A domain that says
"later" is slowed down to half, at the second time paused too, each pause twice the one before; then it grows back by
itself, doubling every ten minutes until it is free again. `*` stands for the server that takes all our mail.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from campaigns.models import DomainPace

EVERYWHERE = "*"
MINUTE = timedelta(minutes=1)
GROWS_EVERY = timedelta(minutes=10)
# What a domain of which nothing is known is slowed down to, how far down it goes, and when it counts as free again.
FIRST, FLOOR, FREE = 60, 5, 1000
LONGEST_PAUSE = timedelta(hours=1)
KEPT = timedelta(days=30)
# So many messages are reserved at once, or a tenth of the minute if that is more.
SHARE = 10
_ADDRESS = re.compile(r"[^\s<>\"':;,()]+@[^\s<>\"':;,()]+")


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip(" <>").lower()


def without_addresses(answer: str) -> str:
    """What a server said, as it may be kept: it likes to name the person."""
    return _ADDRESS.sub("…", answer)


def taught(row: DomainPace, at: datetime) -> int | None:
    """How many a minute its own answers leave it now; None once it has grown back."""
    if row.slowed_to is None:
        return None
    since = max(row.changed_at, row.paused_until or row.changed_at)
    grown: int = row.slowed_to * 2 ** min(max((at - since) // GROWS_EVERY, 0), 20)
    return grown if grown < FREE else None


def limit(row: DomainPace, at: datetime) -> int | None:
    """How many a minute now; None: as fast as it takes them."""
    known = [found for found in (row.per_minute, taught(row, at)) if found is not None]
    return min(known, default=None)


@dataclass
class _Share:
    """What this page may still send there in the minute that began at `began`."""

    left: int
    began: datetime
    limit: int
    put_off: int = 0


class Paces:
    """The paces a page keeps to: `wait` before each message, `release` at its end. One query to begin with."""

    def __init__(self) -> None:
        taught = Q(per_minute__isnull=False) | Q(slowed_to__isnull=False) | Q(paused_until__isnull=False)
        self._rows = {row.domain: row for row in DomainPace.objects.filter(taught)}
        self._shares: dict[str, _Share] = {}

    def __bool__(self) -> bool:
        """Whether there is any pace to keep to."""
        return bool(self._rows)

    def wait(self, domain: str, *, at: datetime) -> datetime | None:
        """None when a message may leave for this domain now, and counts; else when it may be tried again."""
        rows = [row for name in (EVERYWHERE, domain) if (row := self._rows.get(name)) is not None]
        for row in rows:
            if (until := self._closed(row, at)) is not None:
                return until
        for row in rows:
            if row.domain in self._shares:
                self._shares[row.domain].left -= 1
        return None

    def slow(self, domain: str, answer: str, *, at: datetime, pauses: bool = False) -> datetime | None:
        """The domain said "later": it is slowed down, for this page and everybody. Answers until when it is paused."""
        slow(domain, answer, at=at, pauses=pauses)
        row = self._rows[domain] = DomainPace.objects.get(domain=domain)
        self._shares.pop(domain, None)
        return row.paused_until

    def release(self) -> None:
        """Give back what was reserved and not used. One update a domain that has a limit."""
        for domain, share in self._shares.items():
            if share.left > 0:
                DomainPace.objects.filter(
                    domain=domain, window_began=share.began, sent_in_window__gte=share.left
                ).update(sent_in_window=F("sent_in_window") - share.left)
        self._shares.clear()

    def _closed(self, row: DomainPace, at: datetime) -> datetime | None:
        if row.paused_until is not None and row.paused_until > at:
            return row.paused_until
        most = limit(row, at)
        if most is None:
            self._shares.pop(row.domain, None)
            return None
        share = self._shares.get(row.domain)
        if share is None or share.began + MINUTE <= at or (share.left <= 0 and not share.put_off):
            share = self._shares[row.domain] = _reserve(row.domain, most, at=at)
        if share.left > 0:
            return None
        # Whoever finds the minute full is spread over the minutes that follow, not all sent to the next.
        share.put_off += 1
        return share.began + MINUTE * (1 + (share.put_off - 1) // max(share.limit, 1))


def _reserve(domain: str, most: int, *, at: datetime) -> _Share:
    """Take a share of this minute, if any is left."""
    wanted = min(max(SHARE, most // 10), most)
    row = DomainPace.objects.filter(domain=domain)
    over = Q(window_began__isnull=True) | Q(window_began__lte=at - MINUTE)
    if row.filter(over).update(window_began=at, sent_in_window=wanted):
        return _Share(wanted, at, most)
    while True:
        began, used = row.values_list("window_began", "sent_in_window").get()
        got = max(min(wanted, most - used), 0)
        same = row.filter(window_began=began, sent_in_window=used)
        # Where another page has taken of it meanwhile, look again: each look means that one of them got on.
        if not got or same.update(sent_in_window=F("sent_in_window") + got):
            return _Share(got, began or at, most)


def slow(domain: str, answer: str, *, at: datetime, pauses: bool = False) -> None:
    """Halve what a domain gets, and pause it when it had been slowed down before or `pauses`.

    Of several who hear "later" at once one slows it down. Two queries.
    """
    row, is_new = DomainPace.objects.get_or_create(domain=domain, defaults={"slowed_to": FIRST})
    if is_new:  # a domain may be one person's own: what taught nothing for long is not kept
        DomainPace.objects.filter(per_minute__isnull=True, changed_at__lt=at - KEPT).delete()
    if not is_new and row.paused_until is not None and row.paused_until > at:
        return
    was_slow, now = (False, None) if is_new else (taught(row, at) is not None, limit(row, at))
    changes = {
        "slowed_to": FIRST if now is None else max(now // 2, FLOOR),
        "last_answer": without_addresses(answer)[:300],
        "changed_at": at,
        "paused_until": None,
    }
    if pauses or was_slow:
        before = (row.paused_until - row.changed_at) if row.paused_until is not None else timedelta(0)
        is_again = row.paused_until is not None and at - row.paused_until < GROWS_EVERY
        longer = min(2 * before, LONGEST_PAUSE) if is_again else MINUTE
        changes["paused_until"] = at + max(longer, MINUTE)
    DomainPace.objects.filter(pk=row.pk, changed_at=row.changed_at).update(**changes)


def slow_all(domains: Collection[tuple[str, str]], *, at: datetime) -> None:
    """(domain, answer) of several that said "later"; each is slowed down once."""
    for domain, answer in dict(domains).items():
        slow(domain, answer, at=at)
