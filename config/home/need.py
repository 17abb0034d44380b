"""What waits for a person: a sentence, what to do, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse

from campaigns.figures import Figures
from customers import few
from customers.models import Installation

Reader = User | AnonymousUser
# The gravest first.
WEIGHTS = ("harm", "attention", "plain")
# So many of one kind stand by themselves; more become one line that leads to their list.
MOST_OF_A_KIND = 3


@dataclass(frozen=True)
class Need:
    """Something that waits for a person: a sentence, what to do, and where."""

    words: str
    action: str
    link: str
    weight: str = "plain"
    """plain, attention or harm"""


@dataclass
class Asking:
    """For whom and when what waits is asked; `figures` are those the page shows, where it has them."""

    now: datetime
    user: Reader | None = None
    figures: Figures | None = None

    @cached_property
    def installation(self) -> Installation | None:
        """The one row; asked once a page."""
        return Installation.objects.order_by("pk").first()

    def may(self, right: str) -> bool:
        """Without a reader everything is told."""
        return self.user is None or self.user.has_perm(right)

    def told(self, right: str, n: int) -> tuple[str, int]:
        """How many rows wait, and the number that words follow: exactly for whoever may open the list of them, who can
        count it; else in tens, because each is a person's."""
        if self.user is not None and self.user.has_perm(right):
            return f"{n:,}", n
        return few.told_in_tens(n), few.FEWEST_PEOPLE


def listed(name: str, query: str = "") -> str:
    """The address of a list, filtered."""
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")


def page(name: str, pk: object) -> str:
    """The address of one row's page."""
    return reverse(f"admin:{name}_change", args=[pk])


def folded(needs: Sequence[Need], told: Callable[[int], str], *, action: str, link: str) -> list[Need]:
    """A few by themselves; of many one line, as grave as the gravest of them. `told` says how many there are."""
    if len(needs) <= MOST_OF_A_KIND:
        return list(needs)
    weight = min((need.weight for need in needs), key=WEIGHTS.index)
    return [Need(told(len(needs)), action, link, weight)]


def by_weight(needs: Sequence[Need]) -> list[Need]:
    return sorted(needs, key=lambda need: WEIGHTS.index(need.weight))
