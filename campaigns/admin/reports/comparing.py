"""Two campaigns side by side, and in words how far they may be compared."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from campaigns.admin import words
from campaigns.admin.charts import Dots, Interval
from campaigns.admin.reports import results_words
from campaigns.admin.reports import words as report_words
from campaigns.admin.reports.charts import date, told_interval
from campaigns.models import Headline
from campaigns.reports import Report
from campaigns.reports.sheets import extra_discount
from catalog.pages import told_time

MOST = 200
LOOKS = {"class": "desk-input"}


class CompareForm(forms.Form):
    """By the campaigns' short names, so that the address can be passed on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = Headline.objects.filter(at__isnull=False).order_by("-began_at", "-pk")
        names = list(known.values_list("campaign__slug", "campaign__name")[:MOST])
        unknown = gettext("There is no report of this campaign yet. Choose one from the list.")
        for name, label in (("a", _("first")), ("b", _("second"))):
            self.fields[name] = forms.ChoiceField(
                label=label,
                choices=[("", "–"), *names],
                widget=forms.Select(LOOKS),
                error_messages={"invalid_choice": unknown},
            )

    def clean_b(self) -> str:
        chosen: str = self.cleaned_data["b"]
        if chosen == self.cleaned_data.get("a"):
            raise ValidationError(gettext("This is the first campaign again. Choose another."))
        return chosen

    def headlines(self) -> tuple[Headline, Headline]:
        """Of a form that is right. One query."""
        rows = Headline.objects.select_related("campaign").filter(
            campaign__slug__in=self.cleaned_data.values()
        )
        found = {row.campaign.slug: row for row in rows}
        return found[self.cleaned_data["a"]], found[self.cleaned_data["b"]]


Told = Callable[[Headline, Report], str]


def _people(name: str) -> Told:
    return lambda _row, report: words.few(getattr(report, name).people)


def _effect(value: str) -> Told:
    """A figure of the effect with its interval, and in words where there is none."""

    def told(_row: Headline, report: Report) -> str:
        effect = report.effect
        if effect is None or getattr(effect, value) is None:
            return gettext("cannot be told")
        name = "" if value == "per_person" else f"{value}_"
        low, high = getattr(effect, f"{name}low"), getattr(effect, f"{name}high")
        return f"{told_interval(getattr(effect, value), low, high)} {report.currency}"

    return told


LINES: tuple[tuple[str, Told], ...] = (
    (gettext_noop("Channel"), lambda row, _report: str(row.campaign.get_channel_display())),
    (gettext_noop("Measured"), lambda row, _report: f"{date(row.began_at)} – {date(row.ends_at)}"),
    (gettext_noop("Days each person is measured"), lambda row, _report: f"{row.campaign.window_days}"),
    (gettext_noop("People in the campaign"), _people("treated")),
    (gettext_noop("People held out"), _people("control")),
    (gettext_noop("Effect per person"), _effect("per_person")),
    (gettext_noop("Revenue it caused"), _effect("total")),
    (gettext_noop("Profit it caused"), _effect("profit")),
    (
        gettext_noop("Discounts, beyond what the held out used"),
        lambda _row, report: words.money(extra_discount(report), report.currency),
    ),
    (
        gettext_noop("Sending the messages"),
        lambda _row, report: words.money(report.sending_cost, report.currency),
    ),
    (gettext_noop("Codes redeemed"), lambda _row, report: words.few(report.codes["redeemed"])),
    (gettext_noop("Worked out"), lambda row, _report: told_time(row.at)),
)


def page(a: Headline, b: Headline) -> dict[str, Any]:
    """The context of two headlines; nobody is counted anew."""
    first, second = results_words.shown(a), results_words.shown(b)
    if first is None or second is None:
        return {"is_missing": True}
    pairs = ((a, first), (b, second))
    return {
        "verdicts": [
            (row.campaign.name, reverse("admin:campaigns_campaign_report", args=[row.campaign_id]), report_words.verdict(report))
            for row, report in pairs
        ],
        "lines": [(gettext(name), told(a, first), told(b, second)) for name, told in LINES],
        "dots": _dots(pairs),
        "cautions": cautions(a, first, b, second),
    }  # fmt: skip


def _dots(pairs: tuple[tuple[Headline, Report], ...]) -> Dots | None:
    """Both on one scale, where both are told in one currency."""
    rows = []
    for row, report in pairs:
        effect = report.effect
        if effect is None:
            return None
        told = told_interval(effect.per_person, effect.low, effect.high)
        rows.append(
            Interval(row.campaign.name, told, effect.per_person, effect.low, effect.high, effect.verdict)
        )
    return Dots.of(rows) if pairs[0][1].currency == pairs[1][1].currency else None


def cautions(a: Headline, first: Report, b: Headline, second: Report) -> list[str]:
    """How far two campaigns may be compared, in words. The first holds of any two."""
    found = [
        gettext(
            "Each was compared with its own held out, in its own weeks and among its own people. What they differ by may be "
            "the people or the season. To learn which of two messages is better, make them variants of one campaign."
        )
    ]
    if first.currency != second.currency:
        found.append(gettext("They are told in different currencies: their amounts cannot be compared."))
    if a.campaign.window_days != b.campaign.window_days:
        found.append(
            gettext("Their people are measured for different numbers of days: the longer sees more orders.")
        )
    if not (first.is_over and second.is_over):
        found.append(gettext("Not both windows are over: part of what one causes is still to come."))
    one, other = first.effect, second.effect
    if one is None or other is None:
        found.append(gettext("Of one of them no effect can be told, so nothing says which caused more."))
    elif first.currency == second.currency:
        if one.low <= other.high and other.low <= one.high:
            found.append(
                gettext("Their intervals overlap: these numbers do not say which caused more a person.")
            )
        else:
            found.append(
                gettext(
                    "Their intervals do not overlap: a person of the one was changed more than one of the other."
                )
            )
    return found
