"""Whom a campaign changes: the newest study in words and figures, and the button that asks for another."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.charts import Dots, Interval
from campaigns.admin.reports.charts import sure, told_interval
from campaigns.admin.words import money
from campaigns.models import Campaign, UpliftScore, UpliftStudy
from catalog.pages import ReadOnly, shown, told_time
from customers import few

State, Advice = UpliftStudy.State, UpliftStudy.Advice


@admin.register(UpliftStudy)
class UpliftStudyAdmin(ReadOnly):
    about = gettext_lazy(
        "A study learns on a campaign's own control group whom it changes, and says whether aiming by that pays. "
        "Ask for one on the campaign's page."
    )
    list_display = ("campaign", "state", "told_advice", "told_people", "asked_at", "done_at", "asked_by")
    list_filter = ("state", "advice")
    fields = (
        ("campaign", "state"),
        ("told_advice", "is_sure"),
        "told_people",
        ("asked_at", "done_at"),
        "asked_by",
    )
    readonly_fields = ("told_advice", "told_people")

    @shown(gettext_lazy("advice"))
    def told_advice(self, row: UpliftStudy) -> str:
        return row.get_advice_display() if row.advice else row.get_why_display() or "–"

    @shown(gettext_lazy("people"), order=few.order_in_tens("people"))
    def told_people(self, row: UpliftStudy) -> str:
        return few.short(row.people)


@admin.register(UpliftScore)
class UpliftScoreAdmin(ReadOnly):
    about = gettext_lazy(
        "By how much a campaign is predicted to change what a person brings. There are such figures only where a "
        "study showed that aiming by them pays."
    )
    list_display = ("customer", "campaign", "effect")
    list_filter = ("campaign",)
    ordering = ("-effect",)


def page(campaign: Campaign, currency: str) -> dict[str, Any]:
    """The page's context: the newest study, told."""
    rows = list(campaign.uplift_studies.order_by("-asked_at")[:10])
    newest = next((row for row in rows if row.state == State.DONE), None)
    return {
        "lead": _lead(rows[0] if rows else None, newest),
        "waits": bool(rows) and rows[0].state == State.ASKED,
        "study": newest,
        "study_people": few.told_in_tens(newest.people) if newest else "",
        "leave_in_peace": _leave_in_peace(newest) if newest else "",
        "worths": _worths(newest, currency) if newest else [],
        "dots": _dots(newest) if newest else None,
        "qini": _qini(newest, currency) if newest else "",
        "curve": [
            (f"{reached:.0%}", money(gained, currency, sign=True))
            for reached, gained in newest.figures["curve"]
        ]
        if newest
        else [],
        "rule": f'{{"uplift": "{campaign.slug}", "gt": {float(campaign.sending_cost):g}}}',
        "scores": reverse("admin:campaigns_upliftscore_changelist") + f"?campaign__id__exact={campaign.pk}",
    }


def _lead(last: UpliftStudy | None, newest: UpliftStudy | None) -> str:
    if last is None:
        return _(
            "Nobody has asked yet. A study takes the campaign's own control group and needs no new message."
        )
    if last.state == State.ASKED:
        return _("A study was asked for on %s and is being worked out.") % told_time(last.asked_at)
    if last.state == State.REFUSED or newest is None:
        return _("It cannot be told: %s.") % last.get_why_display()
    return {
        Advice.TARGET: _(
            "Write to those whom it changes: that brings more than writing to all, and than to none."
        ),
        Advice.ALL: _("Write to all: choosing whom to write to brings no more that could be shown."),
        Advice.NONE: _("Write to none: it brings nothing that could be shown."),
    }[Advice(newest.advice)] + (
        "" if newest.is_sure else " " + _("The figures only lean that way; they are not sure.")
    )


def _leave_in_peace(study: UpliftStudy) -> str:
    """Worked out anew by each study, so in tens; empty where they are a few."""
    n = study.figures.get("leave_in_peace", 0)
    return few.told_in_tens(n) if n >= few.FEWEST_PEOPLE else ""


def _dots(study: UpliftStudy) -> Dots | None:
    """The worths with their intervals on one scale; the table beside has the same numbers."""
    found = study.figures["recommendation"]
    return Dots.of([
        Interval(
            told,
            told_interval(found[name]["value"], found[name]["low"], found[name]["high"]),
            found[name]["value"],
            found[name]["low"],
            found[name]["high"],
            sure(found[name]["low"], found[name]["high"]),
        )
        for name, told in _ways().items()
    ])  # fmt: skip


def _ways() -> dict[str, str]:
    return {
        "target": _("Writing to those whom it changes"),
        "all": _("Writing to all"),
        "none": _("Writing to none"),
        "over_all": _("Aiming, over writing to all"),
        "over_none": _("Aiming, over writing to none"),
    }


def _worths(study: UpliftStudy, currency: str) -> list[tuple[str, str, str]]:
    """(what, value per person, interval)"""
    found = study.figures["recommendation"]
    return [
        (
            words,
            money(found[name]["value"], currency, sign=name.startswith("over")),
            f"{found[name]['low']:,.2f} … {found[name]['high']:,.2f}",
        )
        for name, words in _ways().items()
    ]


def _qini(study: UpliftStudy, currency: str) -> str:
    told = {
        "qini": money(study.figures["qini"], currency, sign=True),
        "low": f"{study.figures['qini_low']:,.2f}",
        "high": f"{study.figures['qini_high']:,.2f}",
    }
    return (
        _("Qini coefficient: %(qini)s per person (%(low)s … %(high)s); nought is an order by chance.") % told
    )
