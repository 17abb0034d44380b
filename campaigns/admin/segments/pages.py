"""The pages of a segment beside its form: who is in it, how far it is another, how it grew, and those ready to be made."""

from dataclasses import dataclass
from datetime import datetime, time
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import segments
from campaigns.admin import words
from campaigns.admin.charts import Chart, Line
from campaigns.admin.segments.live import LivePages, about, explained, refused
from campaigns.models import Segment, SegmentSize
from campaigns.reports.sheets import as_csv
from campaigns.segments import overlaps, ready
from campaigns.segments.sampling import Estimate
from campaigns.segments.sizes import KEPT_DAYS
from catalog.pages import button
from customers.few import told_in_tens

MOST_CHOICES = 500


@dataclass(frozen=True)
class Card:
    """One of the gallery: its rule in words, how many (if they were counted), and the segment that was made of it."""

    ready: ready.Ready
    said: str
    about: str
    made: int | None


class SegmentPages(LivePages):
    def page_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sizes_file)
        return [path("<int:pk>/sizes.csv", view, name="campaigns_segment_sizes_file")]

    def _row(self, request: HttpRequest, pk: str | int) -> Segment:
        row: Segment | None = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def has_begin_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("campaigns.add_campaign"))

    @button(_("Use in a campaign"), path="use", icon="campaign", needs="begin")
    def use(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new campaign that begins with it."""
        row = self._row(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:campaigns_campaign_add')}?segment={row.pk}")

    @button(_("Who is in it"), path="members", icon="groups", needs="people")
    def members(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A page of members, and why each is one."""
        row = self._row(request, object_id)
        after = request.GET.get("after", "")
        context: dict[str, Any] = {"after": int(after) if after.isdecimal() and len(after) < 19 else 0}
        try:
            page = segments.members(row, at=timezone.now(), after=context["after"])
            context |= {"members": explained(row, page.ids), "beyond": page.beyond}
        except segments.InvalidRule as invalid:
            context |= refused(invalid)
        return self.own_page(
            request, "admin/desk/segment_members.html", title=gettext("Who is in it: %s") % row, row=row,
            said=segments.in_words(row.rule), **context,
        )  # fmt: skip

    @button(_("Overlap"), path="overlap", icon="join_inner", needs="view")
    def overlap(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How far it holds the same people as another."""
        row = self._row(request, object_id)
        choices = list(
            Segment.objects.exclude(pk=row.pk).order_by("name").values_list("pk", "name")[:MOST_CHOICES]
        )
        wanted = request.GET.get("with", "")
        other = (
            Segment.objects.filter(pk=int(wanted)).first()
            if wanted.isdecimal() and len(wanted) < 19
            else None
        )
        context: dict[str, Any] = {}
        if other is not None:
            try:
                context = {"parts": _parts(row, other, overlaps.overlap(row, other, at=timezone.now()))}
            except segments.InvalidRule as invalid:
                context = refused(invalid)
        return self.own_page(
            request, "admin/desk/segment_overlap.html", title=gettext("Overlap: %s") % row, row=row,
            choices=choices, other=other, **context,
        )  # fmt: skip

    @button(_("Ready-made segments"), path="ready", icon="auto_awesome", needs="view")
    def ready(self, request: HttpRequest) -> HttpResponse:
        """A gallery: what most shops need, drawn from this one. POST makes one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        if request.method == "POST":
            return self._make(request, now)
        found = ready.gallery(at=now)
        names = segments.Names.of(*(one.rule for one in found))
        made = dict(Segment.objects.filter(slug__in=[one.slug for one in found]).values_list("slug", "pk"))
        counted: list[Estimate | None] = [None] * len(found)
        if is_counted := "count" in request.GET:
            counted = [*segments.estimates([one.rule for one in found], at=now)]
        in_tens = not words.sees_people(request)
        cards = [
            Card(
                one,
                segments.in_words(one.rule, names),
                about(estimate, in_tens=in_tens) if estimate else "",
                made.get(one.slug),
            )
            for one, estimate in zip(found, counted, strict=True)
        ]
        groups = [(group, list(each)) for group, each in groupby(cards, key=lambda card: card.ready.group)]
        return self.own_page(
            request, "admin/desk/segment_ready.html", title=gettext("Ready-made segments"), groups=groups,
            is_counted=is_counted, may_add=self.has_add_permission(request), has_grid=any("-rfm-" in one.slug for one in found),
            asked=max((one.asked for one in counted if one and not one.is_exact), default=0),
        )  # fmt: skip

    def _make(self, request: HttpRequest, now: datetime) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            row, is_new = ready.make(request.POST.get("slug", ""), at=now)
        except ready.Unknown:
            messages.error(request, gettext("That one is not offered any more: the shop has changed since."))
            return HttpResponseRedirect(reverse("admin:campaigns_segment_ready"))
        if is_new:
            self.log_addition(request, row, "Made from the gallery.")
            messages.success(request, gettext("“%s” is made. Change what you like; the rule is yours.") % row)
        else:
            messages.info(request, gettext("“%s” was made already; nothing was changed.") % row)
        return HttpResponseRedirect(reverse("admin:campaigns_segment_change", args=[row.pk]))

    def sizes_file(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Day by day, as it may be told: in tens, empty where fewer than 20."""
        row = self._row(request, pk)
        kept = segments.history(row, at=timezone.now(), days=KEPT_DAYS)
        rows = [
            ("day", "people", "reachable_by_email"),
            *((str(one.day), one.people, one.reachable) for one in kept),
        ]
        answer = HttpResponse(as_csv(iter(rows)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{row.slug}-sizes.csv"'
        return answer


def _parts(first: Segment, second: Segment, found: overlaps.Overlap) -> dict[str, Any]:
    """The three parts, always in tens: beside the sizes of both, an exact part would tell of the few in the others (N1)."""
    rows = [
        (gettext("only in “%s”") % first, found.only_first),
        (gettext("in both"), found.both),
        (gettext("only in “%s”") % second, found.only_second),
    ]
    most = max(_shown(one) for _label, one in rows) or 1
    told = [
        {
            "label": label,
            "told": told_in_tens(one.people or 0) if one.is_exact else about(one, in_tens=True),
            "percent": round(100 * _shown(one) / most, 2),
        }
        for label, one in rows
    ]
    return {"rows": told, "asked": 0 if found.both.is_exact else found.both.asked}


def _shown(one: Estimate) -> int:
    """How long the bar is: of a few none, so that its length tells no more than the words."""
    people = one.people or 0
    return round(people, -1) if people >= 20 else 0


def over_time(rows: list[SegmentSize]) -> dict[str, Any] | None:
    """The line of a segment's size, and the same as a table, newest first; None where nothing was measured yet."""
    if not rows:
        return None
    moments = [timezone.make_aware(datetime.combine(one.day, time())) for one in rows]
    chart = Chart.of(
        moments,
        Line(gettext("match"), "control", [one.people for one in rows]),
        Line(gettext("can be reached"), "treated", [one.reachable for one in rows]),
    )
    return {"chart": chart if len(rows) > 1 else None, "days": list(reversed(rows))}
