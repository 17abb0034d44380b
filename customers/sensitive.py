"""Attributes of people that rules and models may not use without an approved, recorded reason (C15).

The shop declares them; nothing is guessed by its name. A use holds for one place, until a date, by the word of somebody
else than who asked for it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models import SensitiveAttribute, SensitiveUse

LONGEST = timedelta(days=366)
"""A reason is looked at again after a year at the latest."""
PLACES = ("segment", "offer", "placement")
SUGGESTED: tuple[tuple[str, str | Promise], ...] = (
    ("age", gettext_lazy("Age")),
    ("sex", gettext_lazy("Sex or gender")),
    ("nationality", gettext_lazy("Nationality")),
    ("ethnicity", gettext_lazy("Racial or ethnic origin (GDPR 9)")),
    ("religion", gettext_lazy("Religious or philosophical belief (GDPR 9)")),
    ("politics", gettext_lazy("Political opinion (GDPR 9)")),
    ("union", gettext_lazy("Trade union membership (GDPR 9)")),
    ("health", gettext_lazy("Health (GDPR 9)")),
    ("disability", gettext_lazy("Disability")),
    ("orientation", gettext_lazy("Sex life or sexual orientation (GDPR 9)")),
    ("genetics", gettext_lazy("Genetic or biometric data (GDPR 9)")),
    ("family", gettext_lazy("Pregnancy, marriage or family")),
    ("minor", gettext_lazy("Being under age (PIPL 28)")),
)
"""What the law often protects: to choose from, under whatever name the shop calls it."""


class NotAllowed(Exception):
    """The use cannot be asked for or approved like this. The message says what to do."""


def declared(names: Collection[str] | None = None) -> set[str]:
    """The sensitive ones of these attributes, of all without `names`. One query."""
    rows = SensitiveAttribute.objects.all()
    if names is not None:
        rows = rows.filter(name__in=names)
    return set(rows.values_list("name", flat=True))


def holds(at: datetime) -> Q:
    """Uses whose approval holds at that moment; without an end none does."""
    return ~Q(approved_by="") & Q(approved_at__lte=at, ends_at__gt=at)


def allowed(names: Collection[str], *, at: datetime) -> set[tuple[str, str]]:
    """(attribute, place) of every approval of these attributes that holds. One query."""
    rows = SensitiveUse.objects.filter(holds(at), attribute__name__in=names)
    return set(rows.values_list("attribute__name", "where"))


def ask(attribute: SensitiveAttribute, where: str, *, reason: str, by: str, at: datetime) -> SensitiveUse:
    """Ask to use the attribute in one place, such as `segment:seniors`. Allows nothing yet. Raises NotAllowed."""
    check_wish(attribute, where, reason)
    return attribute.uses.create(where=where, reason=reason.strip(), asked_by=by, asked_at=at)


def check_wish(attribute: SensitiveAttribute, where: str, reason: str) -> None:
    """Raise NotAllowed unless one may ask for this. One query."""
    kind, _colon, slug = where.partition(":")
    if kind not in PLACES or not slug:
        raise NotAllowed(_("Say where: segment, offer or placement, a colon and its slug."))
    if not reason.strip():
        raise NotAllowed(_("Say why: the reason is kept."))
    if attribute.uses.filter(where=where, approved_by="", ends_at__isnull=True).exists():
        raise NotAllowed(_("Somebody has asked for this already; it waits for an answer."))


def approve(use: SensitiveUse, *, until: datetime, by: str, at: datetime) -> None:
    """Let the use hold until that moment. One conditional update. Raises NotAllowed, and then nothing has changed."""
    if by == use.asked_by:
        raise NotAllowed(_("Somebody else than who asked approves it."))
    if not at < until <= at + LONGEST:
        raise NotAllowed(_("It holds until a day in the future, a year from now at the latest."))
    waiting = SensitiveUse.objects.filter(pk=use.pk, approved_by="", ends_at__isnull=True)
    if not waiting.update(approved_by=by, approved_at=at, ends_at=until):
        raise NotAllowed(_("It has been answered already."))
    use.refresh_from_db()


def end(use: SensitiveUse, *, at: datetime) -> None:
    """Refuse what waits, or end what holds, now. Raises NotAllowed where it is over."""
    now_open = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    if not SensitiveUse.objects.filter(now_open, pk=use.pk).update(ends_at=at):
        raise NotAllowed(_("It is over already."))
    use.refresh_from_db()
