"""The desk's pages of offers and their codes."""

import csv
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import forecasts
from campaigns.messages import benefit_words
from campaigns.models import Code, Offer, Redemption, Segment
from catalog.pages import Page, ReadOnly, button, shown
from recommender.serving import expected
from recommender.serving.affinity import NothingLearnt

MOST_SEGMENTS = 20
"""How many segments, those changed last, one page works out: each costs as much as a thousand people do."""


@admin.register(Offer)
class OfferAdmin(Page):
    about = _(
        "An offer says what people get: a benefit, for which products, until when and how often. Add one and approve it."
    )
    list_display = ("title", "told_benefit", "told_status", "told_given", "starts_at", "ends_at", "priority")
    list_filter = ("status", "benefit")
    search_fields = ("title", "slug")
    prepopulated_fields = {"slug": ("title",)}
    autocomplete_fields = ("categories",)
    readonly_fields = ("status", "given", "discount_given", "created_at")
    actions = ("approve_chosen",)
    actions_detail = ("approve", "archive", "forecast")
    fieldsets = (
        (None, {"fields": (("title", "slug"), "description", "status")}),
        (_("Benefit"), {"fields": (("benefit", "value"), ("currency", "minimum_amount"), "categories")}),
        (
            _("When and how often"),
            {"fields": ("starts_at", "ends_at", ("max_total", "max_per_customer"), ("budget", "priority"))},
        ),
        (_("Codes"), {"fields": (("code_kind", "code_prefix"), "code_valid_days")}),
        (_("More"), {"fields": ("translations", ("given", "discount_given"), "created_at")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was given to someone is archived, not deleted."""
        if obj is None or obj.status != Offer.Status.DRAFT or obj.given:
            return False
        return bool(super().has_delete_permission(request, obj))

    def is_useful(self, name: str, row: Offer) -> bool:
        if name == "forecast":
            return row.status != Offer.Status.ARCHIVED
        return row.status == Offer.Status.DRAFT or (name == "archive" and row.status == Offer.Status.APPROVED)

    @shown(_("benefit"))
    def told_benefit(self, offer: Offer) -> str:
        return benefit_words(offer)

    @shown(_("status"), order="status", label={"draft": "info", "approved": "success", "archived": "default"})
    def told_status(self, offer: Offer) -> tuple[str, str]:
        return offer.status, offer.get_status_display()

    @shown(_("given"), order="given")
    def told_given(self, offer: Offer) -> str:
        if offer.max_total is None:
            return f"{offer.given:,}"
        return gettext("%(given)s of %(most)s") % {
            "given": f"{offer.given:,}",
            "most": f"{offer.max_total:,}",
        }

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
        try:
            context["measured"] = quality_words(expected.quality(), is_for_all=not offer.categories.exists())
            if "now" in request.GET:
                among = list(Segment.objects.order_by("-updated_at", "pk")[:MOST_SEGMENTS])
                found = forecasts.bring(offer, among, at=timezone.now())
                if request.GET.get("format") == "csv":
                    return as_csv(offer, found)
                context |= {"found": found, "rows": [told(line) for line in found.lines]}
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
        given = gettext("It has been given %(given)s times; %(money)s was taken off.") % {
            "given": f"{offer.given:,}",
            "money": f"{offer.discount_given:,.2f} {offer.currency}".strip(),
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


def quality_words(quality: dict[str, Any], *, is_for_all: bool) -> list[str]:
    """How the calibration did on the month it had not seen, in sentences; of offers for everything one more."""
    rows = {row["algorithm"]: row for row in quality["test"]}
    mine, simple = rows["expected"], rows["the group's rate"]
    words = [
        gettext(
            "Checked on the last month, which it had not seen: of %(people)s people and %(groups)s groups of products it "
            "expected %(ratio)s times the purchases that happened (95 %% interval %(low)s to %(high)s)."
        )
        % {"people": f"{quality['people']:,}", "groups": quality["groups"], **_ratio(quality["ratio"])},
        gettext(
            "It told buyers from others with an AUC of %(auc)s, against %(simple)s when everyone is taken to buy at the "
            "products' usual rate."
        )
        % {"auc": f"{mine['auc']:.3f}", "simple": f"{simple['auc']:.3f}"},
    ]
    if is_for_all and (of_all := quality["ratio_of_kinds"].get("everything")):
        told = gettext(
            "Of the whole catalogue together, which this offer is for, it expected %(ratio)s times (%(low)s to %(high)s)."
        )
        words.append(told % _ratio(of_all))
    return words


def _ratio(found: Sequence[float]) -> dict[str, str]:
    ratio, low, high = found
    return {"ratio": f"{ratio:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}"}


def told(line: forecasts.Line) -> dict[str, str]:
    """One line of the table in words and numbers."""
    name = str(line.segment) if line.segment else gettext("Everyone")
    if (forecast := line.forecast) is None:
        return {"name": name, "trouble": line.trouble}
    people = gettext("%(people)s of %(allowed)s") % {
        "people": f"{forecast.people:,}",
        "allowed": f"{forecast.allowed:,}",
    }
    return {
        "name": name,
        "people": f"{people} ({forecast.asked:,})" if forecast.is_sampled else people,
        "buyers": f"{forecast.buyers:,.1f}" if forecast.buyers < 100 else f"{forecast.buyers:,.0f}",
        "interval": f"{forecast.low:,.0f}\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}{forecast.high:,.0f}",
        "revenue": f"{line.revenue:,.2f}",
        "discount": f"{line.discount:,.2f}",
        "left": f"{line.left:,.2f}",
    }


def as_csv(offer: Offer, found: forecasts.Bringing) -> HttpResponse:
    """The table as a file; plain numbers."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{offer.slug}-forecast.csv"'
    table = csv.writer(response)
    table.writerow(
        ["segment", "allow_personalization", "ordered_before", "asked", "expected_buyers", "from", "to",
         "revenue_before_discount", "discount_if_all_use_it", "revenue_after_discount", "currency"]
    )  # fmt: skip
    for line in found.lines:
        forecast = line.forecast
        if forecast is None:
            continue
        numbers = (forecast.buyers, forecast.low, forecast.high, line.revenue, line.discount, line.left)
        table.writerow(
            [
                line.segment.slug if line.segment else "",
                forecast.allowed,
                forecast.people,
                forecast.asked,
                *(f"{number:.2f}" for number in numbers),
                found.currency,
            ]
        )
    return response


@admin.register(Code)
class CodeAdmin(ReadOnly):
    list_display = ("value", "offer", "told_state", "customer", "assigned_at", "expires_at")
    list_select_related = ("offer", "customer")
    list_filter = ("state",)
    linked = ("offer__id__exact", "decisions__campaign__id__exact")
    search_fields = ("=value", "=customer__external_id")
    search_help_text = _("By the exact code or the customer's own id")

    @shown(
        _("state"),
        order="state",
        label={"assigned": "info", "redeemed": "success", "reversed": "warning", "expired": "default"},
    )
    def told_state(self, code: Code) -> tuple[str, str]:
        return code.state, code.get_state_display()


@admin.register(Redemption)
class RedemptionAdmin(ReadOnly):
    list_display = ("code", "order_id", "customer", "amount", "discount", "currency", "at", "reversed_at")
    list_select_related = ("code", "customer")
    linked = ("code__decisions__campaign__id__exact",)
    search_fields = ("=code__value", "=order_id", "=customer__external_id")
    search_help_text = _("By code, order or the customer's own id, exactly")
