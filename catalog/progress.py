"""How far a long work is and about how long it may still take: one element for every page of the desk."""

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

JUDGED_FROM = 0.02
"""Below this share nothing is said about the time: the first steps are not like the rest."""


@dataclass(frozen=True)
class Progress:
    """share : 0 to 1, None where nobody can know. words : what was done so far, such as “1,200 rows”."""

    share: float | None
    left_s: float | None = None
    words: str = ""

    @property
    def percent(self) -> int | None:
        return None if self.share is None else max(0, min(round(self.share * 100), 100))

    @property
    def left(self) -> str:
        return "" if self.left_s is None else left_in_words(self.left_s)


def steady(share: float, *, for_s: float, words: str = "") -> Progress:
    """Of a work that goes on as it went so far, for `for_s` seconds."""
    left = for_s * (1 - share) / share if share >= JUDGED_FROM and for_s > 0 else None
    return Progress(share, left, words)


def left_in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    if not minutes:
        return gettext("less than a minute left")
    if minutes < 100:
        return ngettext("about %s minute left", "about %s minutes left", minutes) % minutes
    hours = round(minutes / 60)
    return ngettext("about %s hour left", "about %s hours left", hours) % hours


def bar(progress: Progress) -> SafeString:
    """As a cell of a list, or in a form."""
    return render_to_string("admin/desk/progress.html", {"work": progress})
