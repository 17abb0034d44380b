"""What anybody may know of how the shop chooses: a page without a token (C15)."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views import View

from campaigns import fairness
from customers import sensitive
from customers.views import guarded, language_for, rendered


class Fairness(View):
    """On what the choice of offers and their benefit may depend now, over all campaigns that run.

    No campaign, slug or figure is named. Queries grow with the campaigns that run.
    """

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        language = language_for(request)
        with translation.override(language):
            depends = fairness.published(at=timezone.now())
            page = rendered(
                request,
                "fairness",
                language,
                languages=settings.LANGUAGES,
                attributes=[
                    (attribute_words(name), use_words(places))
                    for name, places in depends.attributes.items()
                    if name != "id"
                ],
                by_acts=bool(depends.acts) or depends.by_taste,
                by_chance=depends.by_chance,
                sensitive=sorted(sensitive.declared() & set(depends.attributes)),
            )
            return guarded(page, language)


def attribute_words(name: str) -> str:
    known = {"country": _("Your country"), "locale": _("Your language"), "time_zone": _("Your time zone")}
    return known.get(name) or _("What the shop keeps about you as “%s”") % name.replace("_", " ")


def use_words(places: Sequence[str]) -> str:
    """For what it is asked, without the names of segments and offers."""
    words = {
        "segment": _("who is written to or shown an offer"),
        "offer": _("who may have an offer"),
        "placement": _("which offer comes first"),
        "journey": _("which message comes next"),
    }
    kinds = {place.partition(":")[0] for place in places}
    return "; ".join(told for kind, told in words.items() if kind in kinds)
