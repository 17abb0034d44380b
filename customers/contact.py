"""How often and about what people want to be written to: asked for many at once, changed by themselves."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from customers import consent
from customers.models import ContactChoice, Customer, Topic

Frequency = ContactChoice.Frequency
PAUSE = timedelta(days=30)
WEEK = timedelta(days=7)
"""Who wants to hear once a week at most gets one message in so long, over all campaigns."""


@dataclass(frozen=True)
class Wish:
    """What one person chose; who chose nothing gets all, as it comes."""

    is_weekly: bool = False
    paused_until: datetime | None = None
    left: frozenset[int] = frozenset()
    """Numbers of the topics they left."""

    def is_paused(self, at: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > at


def wishes(customer_ids: Collection[int]) -> dict[int, Wish]:
    """The wishes of those among them who chose something. One query for any number."""
    if not customer_ids:
        return {}
    rows = ContactChoice.objects.filter(customer__in=customer_ids).order_by()
    found: dict[int, Wish] = {}
    for pk, frequency, paused_until, topic in rows.values_list(
        "customer_id", "frequency", "paused_until", "left_topics"
    ):
        left = found[pk].left if pk in found else frozenset[int]()
        found[pk] = Wish(
            frequency == Frequency.WEEKLY, paused_until, left if topic is None else left | {topic}
        )
    return found


def wish(customer_id: int) -> Wish:
    return wishes([customer_id]).get(customer_id, Wish())


@dataclass(frozen=True)
class TopicLine:
    """A topic on a person's page, in their language."""

    pk: int
    title: str
    is_left: bool


def topics(own: Wish, *, language: str) -> list[TopicLine]:
    """Every topic there is. One query."""
    return [
        TopicLine(topic.pk, str(topic.translations.get(language) or topic.title), topic.pk in own.left)
        for topic in Topic.objects.all()
    ]


def choose(
    customer_id: int,
    *,
    frequency: str | None = None,
    shown: Iterable[int] = (),
    kept: Iterable[int] = (),
) -> bool:
    """Keep how often, and which of the shown topics are kept and which left; whether anything changed.

    A topic that was not shown stays as it was, so one that is new since the page was opened is not left by it.
    Raises Customer.DoesNotExist.
    """
    if frequency is not None and frequency not in Frequency.values:
        frequency = None
    with transaction.atomic():
        before = _held(customer_id)
        known = set(Topic.objects.filter(pk__in=set(shown)).values_list("pk", flat=True))
        left = (before.left - known) | (known - set(kept))
        is_weekly = before.is_weekly if frequency is None else frequency == Frequency.WEEKLY
        if (left, is_weekly) == (before.left, before.is_weekly):
            return False
        row, _new = ContactChoice.objects.update_or_create(
            customer_id=customer_id,
            defaults={"frequency": Frequency.WEEKLY if is_weekly else Frequency.ALL},
        )
        row.left_topics.set(left)
    return True


def pause(customer_id: int, *, at: datetime) -> datetime:
    """Nothing is sent for 30 days from now on; answers until when. Raises Customer.DoesNotExist."""
    until = at + PAUSE
    _put_pause(customer_id, until)
    return until


def resume(customer_id: int) -> None:
    """The pause is over. Raises Customer.DoesNotExist."""
    _put_pause(customer_id, None)


def _put_pause(customer_id: int, until: datetime | None) -> None:
    with transaction.atomic():
        _held(customer_id)
        ContactChoice.objects.update_or_create(customer_id=customer_id, defaults={"paused_until": until})


def _held(customer_id: int) -> Wish:
    """Their wish, with the person held: whoever sends asks under the same lock, so the one that commits first wins."""
    person = consent.hold([customer_id]).get(customer_id)
    if person is None or person.erased_at is not None:
        raise Customer.DoesNotExist(f"customer #{customer_id}")
    return wish(customer_id)


def merge(keep_id: int, gone_id: int) -> None:
    """Of two people who are one the stricter wish holds: the rarer, the longer pause, every topic either left (C10).

    Call it with both held.
    """
    both = wishes([keep_id, gone_id])
    if gone_id not in both:
        return
    kept, gone = both.get(keep_id, Wish()), both[gone_id]
    pauses = [until for until in (kept.paused_until, gone.paused_until) if until is not None]
    is_weekly = kept.is_weekly or gone.is_weekly
    row, _new = ContactChoice.objects.update_or_create(
        customer_id=keep_id,
        defaults={
            "frequency": Frequency.WEEKLY if is_weekly else Frequency.ALL,
            "paused_until": max(pauses, default=None),
        },
    )
    row.left_topics.set(kept.left | gone.left)
    ContactChoice.objects.filter(customer=gone_id).delete()


def speak(customer_id: int, language: str) -> bool:
    """Write to them in this language from now on; whether that is new."""
    with transaction.atomic():
        person = consent.hold([customer_id]).get(customer_id)
        if person is None or person.erased_at is not None:
            raise Customer.DoesNotExist(f"customer #{customer_id}")
        if person.locale == language:
            return False
        Customer.objects.filter(pk=customer_id).update(locale=language)
    return True
