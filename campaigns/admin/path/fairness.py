"""The desk's pages of fairness: on what a campaign may depend, who was offered what by group, and the approver's answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import fairness, segments
from campaigns.fairness.groups import NOT_SAID, OTHER
from campaigns.models import Campaign, FairnessCheck
from catalog.pages import ReadOnly, Section, shown, told_time
from customers import few

MEASURES = {"selected": _("chosen"), "given": _("benefit offered"), "used": _("taken off")}


@admin.register(FairnessCheck)
class FairnessCheckAdmin(ReadOnly):
    about = _(
        "No campaign has been looked at yet. Each is when it is approved, and again when it is over; or open a campaign and "
        "press “Fairness”."
    )
    list_display = ("campaign", "moment", "told_wires", "answered", "by", "at")
    list_select_related = ("campaign",)
    list_filter = ("moment",)
    linked = ("campaign__id__exact",)
    ordering = ("-at",)
    fields = ("campaign", ("moment", "at"), "by", "answered")

    @shown(_("look at this"))
    def told_wires(self, check: FairnessCheck) -> str:
        return ", ".join(_wire(wire) for wire in check.tripped) or "–"

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return tables(row)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.of_view)
        own: list[URLPattern] = [path("of/<int:pk>/", view, name="campaigns_fairnesscheck_of")]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def of_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One campaign's page. GET shows what was kept; POST looks anew, flips, or answers."""
        campaign = get_object_or_404(Campaign, pk=pk)
        if not self.has_view_permission(request):
            raise PermissionDenied
        context: dict[str, Any] = {}
        if request.method == "POST":
            if not request.user.has_perm("campaigns.change_campaign"):
                raise PermissionDenied
            if request.POST.get("action") != "flip":
                self._act(request, campaign)
                return HttpResponseRedirect(request.path)
            context["flip"] = _flipped(campaign)
        checks = list(campaign.fairness_checks.order_by("-at", "-pk")[:20])
        newest = {
            moment: next((one for one in checks if one.moment == moment), None)
            for moment in ("before", "after")
        }
        depends = fairness.of(campaign)
        return self.own_page(
            request,
            "admin/desk/fairness.html",
            title=gettext("Fairness: %s") % campaign,
            row=campaign,
            lead=_lead(newest["before"]),
            attributes=[
                (fairness.name_of(name), ", ".join(places)) for name, places in depends.attributes.items()
            ],
            depends=depends,
            acts=", ".join(sorted(depends.acts)),
            withheld=fairness.withheld(campaign, at=timezone.now()),
            looks=[(one, tables(one)) for one in newest.values() if one is not None],
            to_answer=newest["before"] if newest["before"] is not None and newest["before"].tripped else None,
            wires=[_wire(wire) for wire in newest["before"].tripped] if newest["before"] is not None else [],
            may_act=request.user.has_perm("campaigns.change_campaign"),
            all_of_them=reverse("admin:campaigns_fairnesscheck_changelist")
            + f"?campaign__id__exact={campaign.pk}",
            **context,
        )

    def _act(self, request: HttpRequest, campaign: Campaign) -> None:
        by, now = request.user.get_username(), timezone.now()
        try:
            if request.POST.get("action") == "answer":
                check = get_object_or_404(campaign.fairness_checks, pk=request.POST.get("check") or 0)
                fairness.answer(check, request.POST.get("words", ""), by=by)
                self.log_change(request, check, "Answered the wires crossed.")
                messages.success(request, gettext("Your answer is kept beside the approval."))
            else:
                is_over = campaign.status in (Campaign.Status.FINISHED, Campaign.Status.ARCHIVED)
                look = fairness.after if is_over or campaign.decisions.exists() else fairness.before
                look(campaign, by=by, at=now)
        except (fairness.NotAnswered, segments.InvalidRule) as why:
            messages.error(request, str(why))


def tables(check: FairnessCheck) -> list[Section]:
    """A table an attribute: the groups with what was chosen, offered and used, and each ratio with its interval."""
    found = []
    for attribute, told in check.figures.items():
        measures = [name for name in MEASURES if any(name in row for row in told["groups"])]
        headers = [_("group"), _("people")]
        for name in measures:
            headers += [MEASURES[name], _("beside the largest group")]
        rows = [
            (
                group_name(row["group"]),
                few.told_in_tens(row["people"]),
                *(cell for name in measures for cell in _cells(name, row[name])),
            )
            for row in told["groups"]
        ]
        found.append(Section(_title(attribute, told), headers, rows))
    empty = _("Nothing to compare: no attribute has two groups of twenty people or more who can be reached.")
    return found or [Section(_("By group"), (), [], empty=empty)]


def _title(attribute: str, told: Mapping[str, Any]) -> str:
    title = gettext("By %s") % fairness.name_of(attribute)
    if told.get("is_asked"):
        title += " · " + gettext("the campaign's own rules ask for it")
    if n := told.get("too_few"):
        title += " · " + ngettext("%s group is too small to show", "%s groups are too small to show", n) % n
    return title


def group_name(group: str) -> str:
    return {NOT_SAID: gettext("not said"), OTHER: gettext("all others")}.get(group, group)


def _cells(measure: str, cell: Mapping[str, Any]) -> tuple[str, str]:
    value = gettext("too few to show")
    if "value" in cell:
        value = f"{cell['value']:,.2f}" if measure == "used" else f"{cell['value']:.1%}"
    beside = "–"
    if "ratio" in cell:
        high = f"{cell['high']:.2f}" if cell["high"] is not None else "∞"
        beside = f"× {cell['ratio']:.2f} ({cell['low']:.2f} … {high})"
    if cell["crossed"]:
        beside += " · " + gettext("look at this")
    return value, beside


def _wire(wire: Mapping[str, str]) -> str:
    name, group = fairness.name_of(wire["attribute"]), group_name(wire["group"])
    return f"{name} {group}: {MEASURES[wire['measure']]}"


def _lead(check: FairnessCheck | None) -> str:
    if check is None:
        return gettext(
            "Nobody has looked yet. It is looked at when the campaign is approved; look now to see it before."
        )
    at = told_time(check.at)
    if not check.tripped:
        return gettext("Looked at on %s: no wire was crossed. That is no proof that it is fair.") % at
    n = len(check.tripped)
    return ngettext(
        "Looked at on %(at)s: look at %(n)s difference before you approve.",
        "Looked at on %(at)s: look at %(n)s differences before you approve.",
        n,
    ) % {"at": at, "n": n}


def _flipped(campaign: Campaign) -> dict[str, Any]:
    found = fairness.flip(campaign, at=timezone.now(), rng=np.random.default_rng())
    changed = [
        (gettext("all at once") if name == "*" else fairness.name_of(name), few.told_in_tens(n))
        for name, n in found.changed.items()
    ]
    told = {
        "people": few.told_in_tens(found.people),
        "attributes": ", ".join(map(fairness.name_of, found.attributes)),
    }
    return {"found": found, "changed": changed, **told}
