"""The desk's pages of products, their history and their reviews."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from catalog import prices
from catalog.files import download
from catalog.imports import ProductInput, note_by_hand, save_products
from catalog.models import CatalogueStamp, Product, ProductChange, Review
from catalog.pages import Page, ReadOnly, Section, bulk, shown, told_time

FAVOURABLE = Q(sentiment__gte=0.5)
# Of the history of one product, on its own page.
NEWEST = 20
UNFAVOURABLE = Q(sentiment__lt=0.5)
NOT_KNOWN = Q(sentiment__isnull=True)
MOOD = {
    "many": Count("pk"),
    "mean_rating": Avg("rating"),
    "mean": Avg("sentiment"),
    "favourable": Count("pk", filter=FAVOURABLE),
    "unfavourable": Count("pk", filter=UNFAVOURABLE),
    "unknown": Count("pk", filter=NOT_KNOWN),
}


# As many as one page can hold the numbers of.
MOST_AT_ONCE = 900
SHOWN_OF_MANY = 20
FILE_COLUMNS = (
    "sku", "title", "description", "category", "brand", "price", "currency", "in_stock", "image_url", "url",
)  # fmt: skip


def _in_file(row: Product) -> list[Any]:
    held = [getattr(row, name) for name in FILE_COLUMNS]
    held[3] = row.category.name if row.category is not None else ""
    held[7] = "yes" if row.in_stock else "no"
    return held


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _difference(change: ProductChange, before: ProductChange | None) -> str:
    """By how much the price rose or fell, in percent of what it was."""
    if before is None or not before.price or change.price is None or change.price == before.price:
        return "–"
    return f"{(change.price - before.price) / before.price:+.0%}"


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Product
        fields = ("attributes",)
        help_texts = {"attributes": _('Names and values in JSON, such as {"colour": "red"}.')}

    def clean_attributes(self) -> dict[str, Any]:
        said = self.cleaned_data["attributes"]
        if said is not None and not isinstance(said, dict):
            raise forms.ValidationError(gettext("This is no object of names and values."))
        return said or {}


@admin.register(Product)
class ProductAdmin(Page):
    form = ProductForm
    about = _(
        "Products come from the shop: by the API, by an import (manage.py import_data), or by hand with the plus above."
    )
    list_display = (
        "title",
        "sku",
        "category",
        "price",
        "currency",
        "in_stock",
        "is_listed",
        "mood",
        "updated_at",
    )
    list_filter = ("is_listed", "in_stock")
    change_form_outer_after_template = "admin/desk/product.html"
    search_fields = ("=sku", "title", "brand")
    search_help_text = _("By SKU, title or brand")
    list_select_related = ("category",)
    autocomplete_fields = ("category",)
    readonly_fields = ("created_at", "updated_at")
    actions = ("unlist", "list_again")
    fieldsets = (
        (None, {"fields": (("sku", "title"), "description", ("category", "brand"))}),
        (_("Price and stock"), {"fields": (("price", "currency"), ("in_stock", "is_listed"))}),
        (_("Addresses"), {"fields": ("url", "image_url")}),
        (_("More"), {"fields": ("attributes", ("created_at", "updated_at"))}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders point at products: a product is unlisted, never deleted."""
        return False

    def list_links(self, request: HttpRequest) -> list[tuple[Any, str]]:
        asked = request.GET.urlencode()
        found: list[tuple[Any, str]] = [
            (_("These rows as CSV"), reverse("admin:catalog_product_file") + (f"?{asked}" if asked else ""))
        ]
        if self.has_change_permission(request):
            found.append((_("Bring in a file…"), reverse("admin:bring_in", args=["products"])))
        return found

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.file)
        return [path("file", page, name="catalog_product_file"), *super().get_urls()]

    def file(self, request: HttpRequest) -> HttpResponseBase:
        """The products that the list shows, in the columns that a file brought in has: out, changed, and in again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.rows_as_listed(request).select_related("category")
        return download("products.csv", FILE_COLUMNS, map(_in_file, rows.iterator(chunk_size=500)))

    @bulk(_("Unlist: show them no more"))
    def unlist(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._relist(request, queryset, is_listed=False)

    @bulk(_("List again"))
    def list_again(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._relist(request, queryset, is_listed=True)

    def _relist(
        self, request: HttpRequest, queryset: QuerySet[Product], *, is_listed: bool
    ) -> HttpResponse | None:
        """A page that says how many and which; its POST does it, by the same door as the shop's own feed."""
        rows = list(queryset.filter(is_listed=not is_listed).order_by("title")[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            told = gettext("More than %s at once: filter the list, or bring in a file.")
            messages.error(request, told % f"{MOST_AT_ONCE:,}")
            return None
        if not rows:
            messages.info(request, gettext("They are so already: nothing was changed."))
            return None
        if "confirmed" in request.POST:
            with transaction.atomic():
                save_products(
                    [ProductInput(sku=row.sku, is_listed=is_listed) for row in rows], at=timezone.now()
                )
                for row in rows:
                    self.log_change(request, row, "Listed again." if is_listed else "Unlisted.")
            told = ngettext("%s product is changed.", "%s products are changed.", len(rows))
            messages.success(request, told % f"{len(rows):,}")
            return None
        words = (
            ngettext("List %s product again?", "List %s products again?", len(rows))
            if is_listed
            else ngettext("Unlist %s product?", "Unlist %s products?", len(rows))
        )
        return self.own_page(
            request,
            "admin/desk/bulk_confirm.html",
            title=words % f"{len(rows):,}",
            sentence=gettext("Lists and messages may show them again, from now on.")
            if is_listed
            else gettext("No list and no message shows them any more, from now on. It can be undone."),
            already=queryset.count() - len(rows),
            names=[f"{row.title} ({row.sku})" for row in rows[:SHOWN_OF_MANY]],
            more=max(0, len(rows) - SHOWN_OF_MANY),
            picked=[row.pk for row in rows],
            action="list_again" if is_listed else "unlist",
            confirm=gettext("List them again") if is_listed else gettext("Unlist them"),
        )

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        obj.is_learnt = False  # somebody describes it: no event does any more
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            note_by_hand(obj, at=timezone.now())

    def prepare(self, rows: Sequence[Any]) -> None:
        told = Review.objects.filter(product__in=rows).values("product_id").annotate(**MOOD).order_by()
        moods = {row["product_id"]: row for row in told}
        for row in rows:
            row.told_mood = moods.get(row.pk)

    @shown(_("reviews"))
    def mood(self, product: Any) -> str:
        told = product.told_mood
        return f"{told['many']} · {_percent(told['mean'])}" if told else "–"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        if (row := context.get("original")) is not None:
            newest = list(row.changes.order_by("-at", "-pk")[: prices.MOST])
            context["steps"] = prices.Steps.of(newest[::-1], currency=row.currency, at=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [self.history(row), *self.reviews(row)]

    def history(self, row: Product) -> Section:
        newest = list(row.changes.order_by("-pk")[: NEWEST + 1])
        rows = [
            (
                told_time(one.at),
                "–" if one.price is None else f"{one.price} {row.currency}",
                _difference(one, before),
                _("yes") if one.in_stock else _("no"),
            )
            for one, before in zip(newest[:NEWEST], [*newest[1:], None], strict=False)
        ]
        every = reverse("admin:catalog_productchange_changelist")
        return Section(
            _("Price and stock history"),
            (_("since"), _("price"), _("change"), _("in stock")),
            rows,
            empty=_("Neither its price nor its stock has been told yet."),
            more=f"{every}?q={quote(row.sku)}" if rows else "",
        )

    def reviews(self, row: Any) -> list[Section]:
        told = row.reviews.aggregate(**MOOD)
        if not told["many"]:
            return [Section(_("Reviews"), (), (), empty=_("Nobody has reviewed it yet."))]
        rating = "–" if told["mean_rating"] is None else f"{told['mean_rating']:.1f}"
        counts = [told[name] for name in ("favourable", "unfavourable", "unknown")]
        heads = (
            _("reviews"),
            _("mean rating"),
            _("mean sentiment"),
            _("favourable"),
            _("unfavourable"),
            _("not known"),
        )
        return [Section(_("Reviews"), heads, [(told["many"], rating, _percent(told["mean"]), *counts)])]


@admin.register(ProductChange)
class ProductChangeAdmin(ReadOnly):
    about = _("Each price and stock a product ever had. It fills as the shop tells of products.")
    list_display = ("product", "price", "in_stock", "at")
    list_select_related = ("product",)
    search_fields = ("=product__sku",)
    search_help_text = _("By SKU")
    list_filter = ("in_stock",)


class SentimentFilter(admin.SimpleListFilter):
    """What the words say; not known until a sentiment model has judged them, or where there are none."""

    title = _("sentiment")
    parameter_name = "mood"
    conditions = {"favourable": FAVOURABLE, "unfavourable": UNFAVOURABLE, "unknown": NOT_KNOWN}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("favourable", _("favourable")),
            ("unfavourable", _("unfavourable")),
            ("unknown", _("not known")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.conditions.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """People write reviews; the desk may only take one away."""

    about = _(
        "Reviews come from the shop: by the API, or from a file under Imports. A training learns what they say once 50 favourable and 50 unfavourable ones are rated; until then their sentiment is not known."
    )
    list_display = ("product", "rating", "title", "mood", "locale", "written_at")
    list_select_related = ("product",)
    list_filter = (SentimentFilter, "rating")
    search_fields = ("=product__sku", "title")
    search_help_text = _("By SKU or title")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("catalog.delete_review"))

    @shown(_("sentiment"), order="sentiment")
    def mood(self, review: Review) -> str:
        return _percent(review.sentiment)


@admin.register(CatalogueStamp)
class CatalogueStampAdmin(ReadOnly):
    about = _("By a number in each the shop's lists notice that a product changed. The database writes them.")
    list_display = ("__str__",)
    exclude = ("value",)
