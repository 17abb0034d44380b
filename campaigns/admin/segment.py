"""The desk's pages of segments: a rule, how many match it, and who of them can be reached."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse_lazy
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import segments
from campaigns.admin import words
from campaigns.models import Campaign, Segment
from catalog.pages import Page

EXAMPLE = {
    "all": [{"attribute": "country", "is": "DE"}, {"did": "ordered", "times": {"gte": 2}, "within_days": 90}]
}


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
class SegmentAdmin(Page):
    form = SegmentForm
    about = _(
        "A segment says who: a rule such as “ordered twice in the last 90 days”. Add one, and it is counted at once."
    )
    list_display = ("name", "slug", "description", "updated_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": (("name", "slug"), "description")}),
        (
            _("Who"),
            {
                "fields": ("rule",),
                "description": format_lazy(
                    "{} {}", _("Groups: all, any, not. Example:"), json.dumps(EXAMPLE)
                ),
            },
        ),
    )
    change_form_after_template = "admin/desk/segment_counts.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.count_view))
        own = [path("count/", view, name="campaigns_segment_count")]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "rule" in form.base_fields:
            form.base_fields["rule"].widget = RuleWidget(
                attrs={
                    "rows": 12,
                    "class": "desk-code",
                    "spellcheck": "false",
                    # Counted again while it is being written; the form's own token goes along.
                    "hx-post": reverse_lazy("admin:campaigns_segment_count"),
                    "hx-trigger": "input changed delay:700ms",
                    "hx-target": "#segment-counts",
                }
            )
        return form

    def count_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        try:
            rule = json.loads(request.POST.get("rule", ""))
        except ValueError:
            context: dict[str, Any] = {"invalid": gettext("This is not JSON yet.")}
        else:
            row = Segment(slug=request.POST.get("slug", ""), rule=rule)
            context = counts(row, in_tens=not words.sees_people(request))
        return TemplateResponse(request, "admin/desk/counts.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        row = context.get("original")
        context |= counts(row, in_tens=not words.sees_people(request)) if row is not None else {}
        return super().render_change_form(request, context, *args, **kwargs)


def counts(segment: Segment, *, in_tens: bool) -> dict[str, Any]:
    """How many match now and can be reached by e-mail, or why the rule cannot be read.

    A rule is written anew at will, and two rules may differ by one person: whoever may not see people is told in tens,
    and of nobody no more than of a few.
    """
    try:
        found = segments.waterfall(segment, channel=Campaign.Channel.EMAIL, at=timezone.now())
    except segments.InvalidRule as invalid:
        told = {"path": invalid.path, "message": invalid.message}
        return {"invalid": gettext("At %(path)s: %(message)s") % told}
    return {
        "bars": words.bars(found, in_tens=in_tens, hides_nobody=in_tens),
        "matched": words.people(found["matched"], in_tens=in_tens),
        "sendable": words.people(found["sendable"], in_tens=in_tens),
    }
