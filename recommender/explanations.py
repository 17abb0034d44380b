"""Why this item: exact contributions of what the person did, as the fewest past products that say it, in words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.explain import HALF, explained
from recommender.algorithms.interactions import History

KINDS = (
    "because_bought",
    "because_interested",
    "bought_before",
    "seen_before",
    "for_you",
    "goes_with",
    "looks_like",
    "popular",
    "new",
)
NAMED = 3
"""How many past products a sentence names; the others are counted."""


@dataclass(frozen=True)
class Why:
    """A kind of reason, the past products that say it (most first), and the part of the score that they carry."""

    kind: str
    product_ids: tuple[int, ...]
    share: float


def why(
    model: Recommender,
    history: History,
    product_id: int,
    score: float,
    *,
    at: float,
    bought: Collection[int],
    least: float = HALF,
    mode: Mode = "all",
) -> Why | None:
    """The fewest past products that carry at least `least` of what the history says for the product.

    None where the model cannot be taken apart, or the history says nothing for it: then there is no reason to tell.
    `bought` : which of the past products were ordered; whoever only looked is not told that they bought.
    """
    said = explained(model, history, product_id, score, at=at, least=least, mode=mode)
    if not len(said.items):
        return None
    past = tuple(said.items.tolist())
    kind = "because_bought" if all(pk in bought for pk in past) else "because_interested"
    return Why(kind, past, said.share)


def words(kind: str, titles: Sequence[str] = (), share: float | None = None) -> str:
    """The reason as a sentence, in the reader's language. A reason that carries under half is told as a part."""
    partly = share is not None and share < HALF
    match kind:
        case "goes_with":
            return _("Goes with %s") % listed(titles)
        case "looks_like":
            return _("Looks like %s") % listed(titles)
        case "because_bought":
            told = _("Partly because you bought %s") if partly else _("Because you bought %s")
            return told % listed(titles)
        case "because_interested":
            told = (
                _("Partly because you were interested in %s")
                if partly
                else _("Because you were interested in %s")
            )
            return told % listed(titles)
        case "bought_before":
            return _("You bought it before")
        case "seen_before":
            return _("You were interested in it before")
        case "for_you":
            return _("Chosen for you")
        case "popular":
            return _("Popular now")
        case _:
            return _("New in the shop")


def listed(titles: Sequence[str]) -> str:
    """“A”, “A and B”, “A, B and C”, “A, B, C and 4 more”."""
    if len(titles) < 2:
        return "".join(titles)
    comma = _("%(some)s, %(another)s")
    several = titles[0]
    if len(titles) > NAMED:
        for title in titles[1:NAMED]:
            several = comma % {"some": several, "another": title}
        more = len(titles) - NAMED
        told = ngettext("%(several)s and %(n)d more", "%(several)s and %(n)d more", more)
        return told % {"several": several, "n": more}
    for title in titles[1:-1]:
        several = comma % {"some": several, "another": title}
    return _("%(several)s and %(last)s") % {"several": several, "last": titles[-1]}
