"""How long each kind of row is kept, and dropping what is older. What says nothing stays until its person is erased."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models import IdempotentReply, PendingConsent, PrivacyRequest

PAGE = 1000


@dataclass(frozen=True)
class Kept:
    """One line of the table: rows of `model` whose `column` is before `at - for_long` go, save those `still` needed."""

    model: type[Model]
    column: str
    for_long: timedelta
    why: str | Promise
    still: Q = field(default_factory=Q)

    @property
    def what(self) -> str:
        return str(self.model._meta.verbose_name_plural)  # noqa: SLF001 - Django's documented way

    def made_before(self, moment: datetime) -> QuerySet[Any]:
        rows = self.model._default_manager  # noqa: SLF001 - Django's documented way
        old = rows.filter(**{f"{self.column}__lt": moment})
        return old.exclude(self.still) if self.still else old


KEPT: tuple[Kept, ...] = (
    Kept(
        PendingConsent,
        "created_at",
        timedelta(days=30),
        _("a yes nobody confirmed is no consent; a confirmed one stands in the ledger"),
    ),
    Kept(
        IdempotentReply,
        "created_at",
        timedelta(days=7),
        _("a repeated request is answered alike for a week"),
    ),
    Kept(
        PrivacyRequest,
        "ended_at",
        timedelta(days=settings.PRIVACY_REQUESTS_KEPT_DAYS),
        _("for so long somebody may claim or fine that a demand was not answered"),
        # Whoever lifts a restriction notes it there.
        still=Q(type=PrivacyRequest.Type.RESTRICTION, customer__restricted_at__isnull=False),
    ),
)


def kept() -> Iterator[Kept]:
    """The table above, and every model of whichever app that says itself how long: `kept_for = (column, time, why)`.

    Found by walking Django's own list of models, as `privacy` does, so that nothing is called upwards.
    """
    yield from KEPT
    for model in apps.get_models():
        if (said := getattr(model, "kept_for", None)) is not None:
            yield Kept(model, *said)


def drop_old(*, at: datetime) -> Counter[str]:
    """Delete what has been kept long enough, a page at a time; answers how many rows of each kind."""
    dropped: Counter[str] = Counter()
    for kind in kept():
        old = kind.made_before(at - kind.for_long)
        while ids := list(old.order_by("pk").values_list("pk", flat=True)[:PAGE]):
            old.filter(pk__in=ids).delete()
            dropped[kind.what] += len(ids)
    return dropped
