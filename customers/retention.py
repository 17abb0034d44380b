"""How long each kind of row is kept, and dropping what is older. What says nothing stays until its person is erased."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from customers.models import IdempotentReply, PendingConsent

PAGE = 1000


@dataclass(frozen=True)
class Kept:
    """One line of the table: rows made before `at - for_long` go."""

    what: str
    for_long: timedelta
    why: str
    made_before: Callable[[datetime], QuerySet[Any]]


KEPT: tuple[Kept, ...] = (
    Kept(
        "pending consents",
        timedelta(days=30),
        "a yes nobody confirmed is no consent; a confirmed one stands in the ledger",
        lambda moment: PendingConsent.objects.filter(created_at__lt=moment),
    ),
    Kept(
        "idempotent replies",
        timedelta(days=7),
        "a repeated request is answered alike for a week",
        lambda moment: IdempotentReply.objects.filter(created_at__lt=moment),
    ),
)


def kept() -> Iterator[Kept]:
    """The table above, and every model of whichever app that says itself how long: `kept_for = (column, time, why)`.

    Found by walking Django's own list of models, as `privacy` does, so that nothing is called upwards.
    """
    yield from KEPT
    for model in apps.get_models():
        if (said := getattr(model, "kept_for", None)) is not None:
            yield _kept(model, *said)


def _kept(model: type[Model], column: str, for_long: timedelta, why: str) -> Kept:
    rows = model._default_manager  # noqa: SLF001 - Django's documented way
    what = str(model._meta.verbose_name_plural)  # noqa: SLF001
    return Kept(what, for_long, why, lambda moment: rows.filter(**{f"{column}__lt": moment}))


def drop_old(*, at: datetime) -> Counter[str]:
    """Delete what has been kept long enough, a page at a time; answers how many rows of each kind."""
    dropped: Counter[str] = Counter()
    for kind in kept():
        old = kind.made_before(at - kind.for_long)
        while ids := list(old.order_by("pk").values_list("pk", flat=True)[:PAGE]):
            old.filter(pk__in=ids).delete()
            dropped[kind.what] += len(ids)
    return dropped
