"""What reviews say: month by month, the newest with the words that decided, and the correction of a wrong one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Product, Review
from catalog.pages import ReadOnly, button, told_time
from customers import few
from recommender import moods, reviews

SHOWN = 15
WORDS: dict[str, str | Promise] = {
    "positive": _("favourable"),
    "neutral": _("neither"),
    "negative": _("unfavourable"),
}


@dataclass(frozen=True)
class Part:
    """A share as a piece of a month's bar."""

    mood: str
    words: str
    percent: str
    told: str


@dataclass(frozen=True)
class Read:
    """A review with its sentiment, the words that decided it, and who corrected it."""

    number: int
    at: str
    product: str
    link: str
    rating: str
    text: str
    mood: str
    mood_words: str
    share: str
    because: str
    corrected_by: str


class Moods(ReadOnly):
    """The button of reviews."""

    actions_list: tuple[str, ...] = ("moods",)

    def has_reviews_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("catalog.view_review"))

    @button(_("What reviews say"), path="reviews", icon="mood", needs="reviews")
    def moods(self, request: HttpRequest) -> HttpResponse:
        """GET shows; POST takes down what somebody read in a review."""
        may_correct = request.user.has_perm("catalog.change_review")
        if request.method == "POST":
            if not may_correct:
                raise PermissionDenied
            return self._correct(request)
        sku, slug = request.GET.get("sku", "").strip(), request.GET.get("category", "").strip()
        rows, about, wrong = _scope(sku, slug)
        judge = reviews.live()
        months = moods.monthly(rows) if not wrong else []
        return self.own_page(
            request,
            "admin/desk/recommender_reviews.html",
            title=gettext("What reviews say") if not about else gettext("What reviews say of %s") % about,
            state=_state(months, judge),
            sku=sku,
            category=slug,
            categories=list(Category.objects.order_by("name").values_list("slug", "name")[:500]),
            wrong=wrong,
            months=[_month(month) for month in months],
            newest=[] if wrong else _newest(rows, judge),
            may_correct=may_correct,
            here=request.get_full_path(),
        )

    def _correct(self, request: HttpRequest) -> HttpResponse:
        number, is_good = request.POST.get("review", ""), request.POST.get("says") == "favourable"
        back = HttpResponseRedirect(request.get_full_path())
        known = (
            number.isascii()
            and number.isdigit()
            and request.POST.get("says") in ("favourable", "unfavourable")
        )
        row = moods.correct(number, favourable=is_good, by=request.user.get_username()) if known else None
        if row is None:
            messages.error(request, gettext("There is no such review any more."))
            return back
        self.log_change(request, row, f"Read as {'favourable' if is_good else 'unfavourable'}.")
        messages.success(request, gettext("It says so from now on, and the next training learns from it."))
        return back


def _scope(sku: str, slug: str) -> tuple[QuerySet[Review], str, str]:
    """The reviews asked for, of what, and what is wrong with the question."""
    rows = Review.objects.all()
    if sku:
        product = Product.objects.filter(sku=sku).first()
        if product is None:
            return rows.none(), "", gettext("There is no product %s.") % sku
        return rows.filter(product=product), product.title or sku, ""
    if slug:
        category = Category.objects.filter(slug=slug).first()
        if category is None:
            return rows.none(), "", gettext("There is no category %s.") % slug
        return rows.filter(product__category=category), category.name, ""
    return rows, "", ""


def _state(months: Sequence[moods.Month], judge: reviews.Judge | None) -> str:
    if judge is None and not months:
        return gettext(
            "No sentiment model is live: a training learns what reviews say once 50 favourable and 50 unfavourable ones are rated."
        )
    told = next((month for month in months if month.shares), None)
    if told is None:
        return (
            gettext("Fewer than %s reviews of a month are judged: nothing is said of so few.")
            % few.FEWEST_PEOPLE
        )
    good = told.shares[0]
    return gettext("In %(month)s %(share)s of the reviews are favourable (%(low)s to %(high)s).") % {
        "month": date_format(told.begins, "YEAR_MONTH_FORMAT"), "share": f"{good.share:.0%}", "low": f"{good.low:.0%}", "high": f"{good.high:.0%}",
    }  # fmt: skip


def _month(month: moods.Month) -> dict[str, Any]:
    return {
        "begins": date_format(month.begins, "YEAR_MONTH_FORMAT"),
        "reviews": few.short(month.reviews),
        "parts": [
            Part(
                share.mood,
                str(WORDS[share.mood]),
                f"{100 * share.share:.1f}",
                f"{share.share:.0%} ({share.low:.0%} … {share.high:.0%})",
            )
            for share in month.shares
        ],
    }


def _newest(rows: QuerySet[Review], judge: reviews.Judge | None) -> list[Read]:
    found = list(rows.select_related("product").order_by("-pk")[:SHOWN])
    texts = [reviews.said(row.title, row.text) for row in found]
    because = moods.decided_by(judge, texts) if judge is not None else [[] for _text in texts]
    return [_read(row, text, words) for row, text, words in zip(found, texts, because, strict=True)]


def _read(row: Review, text: str, words: list[str]) -> Read:
    said = None if row.sentiment is None else moods.mood(row.sentiment)
    return Read(
        row.pk,
        told_time(row.written_at or row.created_at),
        str(row.product),
        reverse("admin:catalog_product_change", args=[row.product_id]),
        "–" if row.rating is None else f"{row.rating}/5",
        text if len(text) <= 400 else text[:400] + "…",
        said or "",
        str(WORDS[said]) if said else gettext("not known"),
        "" if row.sentiment is None or row.corrected_by else f"{row.sentiment:.0%}",
        "" if row.corrected_by else ", ".join(f"“{word}”" for word in words),
        row.corrected_by,
    )
