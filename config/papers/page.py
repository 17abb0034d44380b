"""What a paper is made of: parts with sentences, points and tables. The same for the desk, a file and a program."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

# People are counted in round hundreds: no paper tells of a handful (N1).
ROUND = 100
TITLES: dict[str, Promise] = {
    "register": gettext_lazy("Register of processing"),
    "retention": gettext_lazy("How long things are kept"),
    "data-map": gettext_lazy("Data map"),
    "dpia": gettext_lazy("Impact assessment"),
}


@dataclass(frozen=True)
class Table:
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = ""
    """What stands there without rows."""

    @property
    def labelled(self) -> list[list[tuple[str, str]]]:
        """Each row's cells with their headings, which a phone shows beside them."""
        return [list(zip(self.headers, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Part:
    title: str
    words: Sequence[str] = ()
    points: Sequence[str] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Paper:
    slug: str
    lead: str
    at: datetime
    parts: Sequence[Part] = field(default_factory=tuple)
    counted_at: datetime | None = None
    """When the people that it tells of were counted."""

    @property
    def title(self) -> str:
        return str(TITLES[self.slug])

    def as_dict(self) -> dict[str, Any]:
        counted = self.counted_at.isoformat() if self.counted_at else None
        return {"title": self.title, **asdict(self), "at": self.at.isoformat(), "counted_at": counted}


def about(people: int) -> str:
    """A number of people, rounded down to hundreds."""
    if people < ROUND:
        return _("fewer than 100")
    return _("about %s") % f"{people // ROUND * ROUND:,}"


def told_people(sentence: str, people: int | None) -> str:
    """The sentence (with %s) of so many people; where nobody has counted them yet, that."""
    if people is None:
        return _("People are counted in the background, and stand here within some minutes.")
    return sentence % about(people)


def told_days(span: timedelta) -> str:
    return ngettext("%s day", "%s days", span.days) % span.days


def listed(words: Sequence[str]) -> str:
    """Names in one line; a dash for none."""
    return _(", ").join(words) if words else "–"


def told_each(phrases: Sequence[str]) -> str:
    """Phrases, which may have commas of their own, in one line; a dash for none."""
    return _("; ").join(phrases) if phrases else "–"
