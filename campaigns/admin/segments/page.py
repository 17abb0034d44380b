"""The desk's list and form of segments: a rule in sentences, how many match it, and who of them can be reached."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.text import Truncator, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import segments
from campaigns.admin import words
from campaigns.admin.as_rows import Segments
from campaigns.admin.segments import kinds as segment_kinds
from campaigns.admin.segments.live import estimated, refused
from campaigns.admin.segments.pages import SegmentPages, over_time
from campaigns.models import CampaignSegment, Segment, SegmentSize
from catalog.bring_in import BringsIn
from catalog.pages import ReadOnly, Section, shown
from customers.few import FEWEST_PEOPLE, short

EXAMPLE = {
    "all": [{"attribute": "country", "is": "DE"}, {"did": "ordered", "times": {"gte": 2}, "within_days": 90}]
}
SHOWN_WORDS = 220


class RuleWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc]
    """A new rule begins empty, not with the word null."""

    def format_value(self, value: Any) -> str:
        return "" if value == "null" else str(super().format_value(value) or "")


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Segment
        fields = ("name", "slug", "description", "rule")

    def clean_rule(self) -> Any:
        """The rule compiles, and does not stand in itself."""
        rule = self.cleaned_data["rule"]
        try:
            slug = self.data.get("slug", "") or self.instance.slug
            segments.check(rule, where=f"segment:{slug}" if slug else "")
            if slug:
                segments.read(rule, within=(slug,))
        except segments.InvalidRule as invalid:
            raise forms.ValidationError(
                gettext("At %(path)s: %(message)s") % {"path": invalid.path, "message": invalid.message}
            ) from invalid
        return rule


@admin.register(Segment)
class SegmentAdmin(SegmentPages, BringsIn):
    things = Segments()
    file_title = _("Bring segments in")
    file_about = _(
        "One segment a line, its rule in JSON; a JSON file holds the rule as it is. A known slug is changed, a new one is "
        "made; what is not in the file stays as it is. A change holds from the next planning on."
    )
    file_example = """slug,name,rule
germans,Germans,"{""attribute"": ""country"", ""is"": ""DE""}"
"""
    form = SegmentForm
    about = _(
        "A segment says who: a rule such as “ordered twice in the last 90 days”. Add one, and it is counted at once; or "
        "begin with a ready-made one."
    )
    list_display = ("name", "told_rule", "told_size", "updated_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    actions_list = ("ready",)
    actions_detail = ("use", "members", "overlap")
    fieldsets = (
        (None, {"fields": (("name", "slug"), "description")}),
        (
            _("Rule as text (JSON)"),
            {
                "fields": ("rule",),
                "classes": ("seg-text",),
                "description": format_lazy(
                    "{} {}", _("Groups: all, any, not. Example:"), json.dumps(EXAMPLE)
                ),
            },
        ),
    )
    change_form_before_template = "admin/desk/segment_state.html"
    change_form_after_template = "admin/desk/segment_rule.html"
    change_form_outer_after_template = "admin/desk/segment_after.html"

    class Media:
        js = ("desk/segments.js",)
        css = {"all": ("desk/report.css", "desk/segments.css")}

    def get_urls(self) -> list[URLPattern]:
        return self.live_urls() + self.page_urls() + super().get_urls()

    def prepare(self, rows: Sequence[Any]) -> None:
        """Names of what the rules name, and the newest size of each: six queries for a whole page."""
        names = segments.Names.of(*(row.rule for row in rows))
        since = timezone.localdate() - timedelta(days=7)
        sizes = {
            size.segment_id: size
            for size in SegmentSize.objects.filter(segment__in=rows, day__gte=since).order_by("day")
        }
        for row in rows:
            row.said, row.size = segments.in_words(row.rule, names), sizes.get(row.pk)

    @shown(_("who"))
    def told_rule(self, segment: Any) -> str:
        return Truncator(segment.said).chars(SHOWN_WORDS)

    @shown(_("people"))
    def told_size(self, segment: Any) -> str:
        return _told_people(segment.size.people) if segment.size else gettext("will be counted tonight")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "description" in form.base_fields:
            form.base_fields["description"].widget.attrs["rows"] = 2
        if "rule" in form.base_fields:
            form.base_fields["rule"].widget = RuleWidget(
                attrs={"rows": 12, "class": "desk-code", "spellcheck": "false"}
            )
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever only looks reads the rule in words; its text is for whoever writes."""
        found = super().get_fieldsets(request, obj)
        may_write = (
            self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        )
        return found if may_write else found[:1]

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        uses = CampaignSegment.objects.filter(segment=row).select_related("campaign").order_by("-pk")
        return [
            Section(
                _("Campaigns that are for it"),
                (_("campaign"), _("state")),
                [(use.campaign, use.campaign.get_status_display()) for use in uses[:20]],
                empty=_("No campaign is for it yet."),
            )
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        row = context.get("original")
        context |= {
            "builder": segment_kinds.builder(),
            "live": {
                name: reverse(f"admin:campaigns_segment_{name}")
                for name in ("estimate", "count", "examples", "suggest")
                if name != "examples" or words.sees_people(request)
            },
            "sees_people": words.sees_people(request),
        }
        if row is not None:
            try:
                context |= estimated(row, in_tens=not words.sees_people(request))
            except segments.InvalidRule as invalid:
                context |= refused(invalid) | {"lines": segments.lines(row.rule)}
            context["said"] = segments.in_words(row.rule)
            context["over_time"] = over_time(list(segments.history(row, at=timezone.now())))
        return super().render_change_form(request, context, *args, **kwargs)


def _told_people(people: int | None) -> str:
    return gettext("fewer than %s") % FEWEST_PEOPLE if people is None else short(people)


@admin.register(SegmentSize)
class SegmentSizeAdmin(ReadOnly):
    about = _(
        "Each night every segment is counted, and the numbers stand here for 400 days, in tens. A segment's own page draws "
        "them as a line."
    )
    list_display = ("day", "segment", "told_people", "told_reachable")
    list_select_related = ("segment",)
    list_filter = ("segment",)
    ordering = ("-day", "segment_id")
    fields = ("day", "segment", "told_people", "told_reachable")
    readonly_fields = ("told_people", "told_reachable")

    @shown(_("people"), order="people")
    def told_people(self, row: SegmentSize) -> str:
        return _told_people(row.people)

    @shown(_("reachable by e-mail"), order="reachable")
    def told_reachable(self, row: SegmentSize) -> str:
        return _told_people(row.reachable)
