"""The desk's pages of offers and their codes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import codes, forecasts
from campaigns.admin import words
from campaigns.admin.as_rows import Offers
from campaigns.admin.offer_form import IN_CHINESE, OfferForm, in_chinese
from campaigns.admin.path.forecast import as_csv, quality_words, told
from campaigns.admin.pools import AT_ONCE, add_codes, pool_section, stock_words, told_free
from campaigns.messages import benefit_words
from campaigns.models import CodeBatch, Offer, OfferCap, Redemption, Segment
from catalog.bring_in import BringsIn
from catalog.pages import Rows, Section, button, shown, told_time
from customers import few
from recommender.serving import expected
from recommender.serving.affinity import NothingLearnt

MOST_SEGMENTS = 20
"""How many segments, those changed last, one page works out: each costs as much as a thousand people do."""


class CapRows(Rows):
    model = OfferCap
    verbose_name = _("cap")
    verbose_name_plural = _("More caps: how often in so many days, everywhere or at one placement")
    autocomplete_fields = ("placement",)


@admin.register(Offer)
class OfferAdmin(BringsIn):
    things = Offers()
    file_title = _("Bring offers in")
    file_about = _(
        "One offer a line. A known slug is changed, a new one is made as a draft; what is not in the file stays as it "
        "is. A file neither approves nor archives."
    )
    file_example = (
        "slug,title,benefit,value,currency,ends_at\nspring,Spring tools,percent,15,,2027-04-01T00:00:00Z\n"
    )
    form = OfferForm
    about = _(
        "An offer says what people get: a benefit, for which products, until when and how often. Add one and approve it."
    )
    list_display = (
        "title", "told_benefit", "told_status", "told_given", "told_stock", "starts_at", "ends_at", "priority",
    )  # fmt: skip
    list_filter = ("status", "benefit")
    search_fields = ("title", "slug")
    prepopulated_fields = {"slug": ("title",)}
    autocomplete_fields = ("categories",)
    readonly_fields = ("status", "told_given", "told_discount", "told_reserved", "created_at")
    inlines = (CapRows,)
    actions = ("approve_chosen",)
    actions_detail = ("approve", "archive", "pool", "forecast")
    fieldsets = (
        (None, {"fields": (("title", "slug"), "description", "status")}),
        (
            _("In Chinese"),
            {"description": _("For whoever reads Chinese. Empty: the words above."), "fields": IN_CHINESE},
        ),
        (
            _("Benefit"),
            {"fields": (("benefit", "value"), ("currency", "minimum_amount"), "max_discount", "categories")},
        ),
        (_("For whom"), {"fields": ("eligibility",)}),
        (
            _("When and how often"),
            {
                "fields": (
                    "starts_at", "ends_at", ("max_total", "max_per_customer"), ("budget", "used_percent"), "priority",
                )
            },
        ),
        (_("Codes"), {"fields": (("code_kind", "code_prefix"), ("code_valid_days", "low_stock_at"))}),
        (
            _("More"),
            {"fields": (("told_given", "told_discount", "told_reserved"), "created_at")},
        ),
    )  # fmt: skip
    stocks: Mapping[int, codes.Stock] = {}

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        """Only what was changed: what is counted meanwhile is not written over."""
        if change:
            own = {field.name for field in Offer._meta.concrete_fields}  # noqa: SLF001 - documented by Django
            changed = {"translations" if name in IN_CHINESE else name for name in form.changed_data}
            obj.save(update_fields=changed & own)
        else:
            obj.save()

    def rows_of_file(self, rows: QuerySet[Offer]) -> QuerySet[Offer]:
        return rows.prefetch_related("categories", "caps__placement")

    def prepare(self, rows: Sequence[Any]) -> None:
        self.stocks = codes.stock(rows, at=timezone.now())

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [pool_section(row)] if row.code_kind == Offer.CodeKind.POOL else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was given to someone is archived, not deleted."""
        if obj is None or obj.status != Offer.Status.DRAFT or obj.given:
            return False
        return bool(super().has_delete_permission(request, obj))

    def is_useful(self, name: str, row: Offer) -> bool:
        if name == "forecast":
            return row.status != Offer.Status.ARCHIVED
        if name == "pool":
            return row.status != Offer.Status.ARCHIVED and row.code_kind == Offer.CodeKind.POOL
        return row.status == Offer.Status.DRAFT or (name == "archive" and row.status == Offer.Status.APPROVED)

    @shown(_("Title, in Chinese"))
    def zh_title(self, offer: Offer) -> str:
        """For whoever may only look; the form has a field of this name."""
        return in_chinese(offer, "title") or "–"

    @shown(_("Description, in Chinese"))
    def zh_description(self, offer: Offer) -> str:
        return in_chinese(offer, "description") or "–"

    @shown(_("benefit"))
    def told_benefit(self, offer: Offer) -> str:
        return benefit_words(offer)

    @shown(_("status"), order="status", label={"draft": "info", "approved": "success", "archived": "default"})
    def told_status(self, offer: Offer) -> tuple[str, str]:
        return offer.status, offer.get_status_display()

    @shown(_("given"), order=few.order_in_tens("given"))
    def told_given(self, offer: Offer) -> str:
        if offer.max_total is None:
            return few.short(offer.given)
        return gettext("%(given)s of %(most)s") % {
            "given": few.short(offer.given),
            "most": f"{offer.max_total:,}",
        }

    @shown(_("discount given"))
    def told_discount(self, offer: Offer) -> str:
        """Nothing of fewer than 10 who used it; else to the worth of ten of them."""
        buyers = Redemption.objects.filter(code__offer=offer).values("customer").distinct().count()
        if not offer.discount_given or buyers >= few.FEWEST_ORDERS:
            return _money(offer, offer.discount_given, buyers)
        return "–"

    @shown(_("discount set aside"))
    def told_reserved(self, offer: Offer) -> str:
        """As what was taken off, of those whom it was given."""
        if few.is_small(offer.given) and offer.discount_reserved:
            return "–"
        return _money(offer, offer.discount_reserved, offer.given)

    @shown(_("codes left"), label={"low": "warning", "fine": "success"})
    def told_stock(self, offer: Offer) -> tuple[str, str] | str:
        left = self.stocks.get(offer.pk)
        if left is None:
            return "–"
        if left.is_low:
            return "low", gettext("%s, running low") % told_free(left)
        return "fine", told_free(left)

    @admin.action(description=_("Approve"), permissions=["change"])
    def approve_chosen(self, request: HttpRequest, queryset: QuerySet[Offer]) -> None:
        n = queryset.filter(status=Offer.Status.DRAFT).update(status=Offer.Status.APPROVED)
        told = ngettext("%s offer is approved.", "%s offers are approved.", n) % n
        messages.success(request, told)

    @button(_("Approve"), path="approve", icon="check_circle")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to(
            request,
            object_id,
            Offer.Status.APPROVED,
            (Offer.Status.DRAFT,),
            title=gettext("Approve the offer “%s”?"),
            sentence=gettext("Campaigns may give it from now on, within its dates and caps."),
            confirm=gettext("Approve"),
        )

    @button(_("Archive"), path="archive", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to(
            request,
            object_id,
            Offer.Status.ARCHIVED,
            (Offer.Status.DRAFT, Offer.Status.APPROVED),
            title=gettext("Archive the offer “%s”?"),
            sentence=gettext("Nobody gets it any more, and its codes are no longer taken."),
            confirm=gettext("Archive"),
        )

    @button(_("What would it bring?"), path="forecast", icon="insights", needs="view")
    def forecast(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Worked out when asked for and not kept: a page that opens computes nothing."""
        offer = self.get_object(request, object_id)
        if offer is None:
            return HttpResponseRedirect(reverse("admin:campaigns_offer_changelist"))
        context: dict[str, Any] = {"most": f"{expected.MOST:,}"}
        in_tens = not words.sees_people(request)
        try:
            context["measured"] = quality_words(expected.quality(), is_for_all=not offer.categories.exists())
            if "now" in request.GET:
                among = list(Segment.objects.order_by("-updated_at", "pk")[:MOST_SEGMENTS])
                found = forecasts.bring(offer, among, at=timezone.now())
                if request.GET.get("format") == "csv":
                    return as_csv(offer, found, in_tens=in_tens)
                context |= {"found": found, "rows": [told(line, in_tens=in_tens) for line in found.lines]}
                context["in_currency"] = f", {found.currency}" if found.currency else ""
                context["more"] = max(0, Segment.objects.count() - len(among))
        except NothingLearnt as reason:
            context["nothing"] = str(reason)
        return self.own_page(
            request,
            "admin/desk/offer_forecast.html",
            title=gettext("What would “%s” bring?") % offer,
            row=offer,
            benefit=benefit_words(offer),
            is_shipping=offer.benefit == Offer.Benefit.FREE_SHIPPING,
            **context,
        )

    @button(_("Add codes"), path="pool", icon="confirmation_number")
    def pool(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make codes, or bring them in from a file: whole or not at all, and checked first if one likes."""
        offer = self.get_object(request, object_id)
        if offer is None or offer.code_kind != Offer.CodeKind.POOL:
            return HttpResponseRedirect(reverse("admin:campaigns_offer_changelist"))
        context: dict[str, Any] = {}
        if request.method == "POST":
            try:
                added = add_codes(request, offer)
            except codes.InvalidFile as reason:
                context = {"trouble": str(reason), "problems": reason.problems}
            except ValueError as reason:
                context = {"trouble": str(reason)}
            else:
                if added.batch is not None:
                    self.log_change(request, offer, added.sentence)
                    messages.success(request, added.sentence)
                    return HttpResponseRedirect(_page_after(added.batch))
                context = {"checked": added.sentence}
        left = codes.stock([offer], at=timezone.now())[offer.pk]
        return self.own_page(
            request,
            "admin/desk/pool.html",
            title=gettext("Add codes to “%s”") % offer,
            row=offer,
            stock=stock_words(left),
            is_low=left.is_low,
            at_once=f"{AT_ONCE:,}",
            **context,
        )

    def _to(
        self,
        request: HttpRequest,
        object_id: str,
        status: str,
        allowed_from: tuple[str, ...],
        *,
        title: str,
        sentence: str,
        confirm: str,
    ) -> HttpResponse:
        offer = self.get_object(request, object_id)
        if offer is None:
            return HttpResponseRedirect(reverse("admin:campaigns_offer_changelist"))
        back = HttpResponseRedirect(reverse("admin:campaigns_offer_change", args=[offer.pk]))
        if offer.status not in allowed_from:
            messages.info(request, gettext("The offer is “%s” already.") % offer.get_status_display())
            return back
        if request.method == "POST":
            if Offer.objects.filter(pk=offer.pk, status__in=allowed_from).update(status=status):
                self.log_change(request, offer, f"Status {offer.status} → {status}.")
            label = Offer.Status(status).label
            messages.success(request, gettext("The offer is now “%s”.") % label)
            return back
        given = gettext(
            "Since %(since)s it has been given to people %(given)s times; %(money)s was taken off."
        ) % {
            "since": told_time(offer.created_at),
            "given": few.short(offer.given),
            "money": self.told_discount(offer),
        }
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=title % offer,
            row=offer,
            sentences=[sentence, given],
            confirm=confirm,
            is_grave=status == Offer.Status.ARCHIVED,
        )


def _page_after(batch: CodeBatch) -> str:
    """Of the offer, once its codes are in the pool; else where they can be followed."""
    if batch.state == CodeBatch.State.DONE:
        return reverse("admin:campaigns_offer_change", args=[batch.offer_id])
    return reverse("admin:campaigns_codebatch_change", args=[batch.pk])


def _money(offer: Offer, amount: Decimal, people: int) -> str:
    return f"{few.sum_in_tens(float(amount), people):,.2f} {offer.currency}".strip()
