"""The page that makes a version of a report for outsiders, with noise, and says beside each number what protects it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, PrivacyBudget, PrivateRelease
from campaigns.reports import private
from campaigns.reports.private import MILLION
from catalog.pages import Page, told_time

LOOKS = {"class": "desk-input"}


class PrivateForm(forms.Form):
    by = forms.ChoiceField(
        label=_("By"),
        choices=[
            ("arm", _("in the campaign and held out")),
            ("segment", _("segment, in the campaign and held out")),
        ],
        widget=forms.Select(LOOKS),
    )
    epsilon = forms.DecimalField(
        label=_("Epsilon"),
        min_value=0,
        max_value=10,
        max_digits=8,
        decimal_places=6,
        widget=forms.NumberInput(LOOKS),
    )
    cap = forms.IntegerField(
        label=_("Most money of one person that counts"),
        min_value=1,
        max_value=MILLION,
        widget=forms.NumberInput(LOOKS),
    )


class PrivatePages(Page):
    """Private releases of a row of Campaign."""

    def private_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.private_view)
        return [path("<int:pk>/private/", view, name="campaigns_campaign_private")]

    def private_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET shows what was released and the form; POST releases, for whoever may add private releases."""
        campaign: Campaign | None = self.get_object(request, str(pk))
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        may_release = request.user.has_perm("campaigns.add_privaterelease")
        form = PrivateForm(request.POST or None, initial={"by": "arm", "epsilon": "0.5", "cap": 500})
        if request.method == "POST":
            if not may_release:
                raise PermissionDenied
            if form.is_valid() and self._release(request, campaign, form.cleaned_data):
                return HttpResponseRedirect(request.path)
        budget = PrivacyBudget.objects.filter(name=private.BUDGET).first()
        releases = (
            PrivateRelease.objects.filter(campaign=campaign).exclude(answer={}).select_related("budget")
        )
        return self.own_page(
            request,
            "admin/desk/private.html",
            title=gettext("Private version: %s") % campaign,
            row=campaign,
            form=form,
            may_release=may_release,
            left=told_epsilon(budget.total - budget.spent if budget else private.TOTAL),
            total=told_epsilon(budget.total if budget else private.TOTAL),
            releases=[told(release) for release in releases[:20]],
        )

    def _release(self, request: HttpRequest, campaign: Campaign, asked: dict[str, Any]) -> bool:
        now, who = timezone.now(), request.user.get_username()
        try:
            question = private.ask(
                campaign, by=asked["by"], epsilon=int(asked["epsilon"] * MILLION), cap=asked["cap"], at=now
            )
            found = private.release(campaign, question, by=who, at=now)
        except private.NotPossible as reason:
            messages.error(request, str(reason))
            return False
        self.log_change(request, campaign, f"Released a private version, {found.question_sha256[:8]}.")
        messages.success(request, gettext("Released. Whoever asks the same again gets the same numbers."))
        return True


def told_epsilon(millionths: int) -> str:
    return f"{millionths / MILLION:g}"


def told(release: PrivateRelease) -> dict[str, Any]:
    """A release for the page. Of a number below nought, which noise alone makes, nought is shown."""
    answer, question = release.answer, release.question
    arms = {"treated": gettext("In the campaign"), "control": gettext("Held out")}
    return {
        "rows": [
            (
                f"{cell['segment']}, {arms[cell['arm']]}" if cell["segment"] else arms[cell["arm"]],
                *(f"{max(cell[name], 0):,}" for name in private.SUMS),
            )
            for cell in answer["cells"]
        ],
        "within": [f"± {answer['within'][name]:,.0f}" for name in private.SUMS],
        "epsilon": told_epsilon(release.spent),
        "delta": f"{answer['delta']:g}",
        "cap": f"{question['cap']:,} {settings.DEFAULT_CURRENCY}",
        "left": told_epsilon(release.budget.total - release.budget.spent),
        "until": question["until"][:10],
        "by": release.by,
        "at": told_time(release.at),
    }
