"""A campaign begins with what somebody wants to do: that chooses its kind, and what is sensible until they say otherwise."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import recipes
from campaigns.admin.path.page import path_of
from campaigns.models import Segment
from catalog.pages import Page


class BeginForm(forms.Form):
    name = forms.CharField(
        label=_("Its name"),
        max_length=200,
        help_text=_("Such as “Spring in the garden”. Only your team sees it."),
    )
    goal = forms.ChoiceField(
        label=_("What do you want to do?"),
        choices=[(goal.slug, goal.name) for goal in recipes.GOALS.values()],
        error_messages={"required": _("Choose what you want to do.")},
    )


class BeginPages(Page):
    """Where a campaign is added."""

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """What do you want to do? POST makes the draft, with what is sensible for it.

        `?segment=` says whom it is for: its audience is then asked with that segment chosen.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        segment = _segment(request)
        form = BeginForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                campaign = recipes.begin(
                    form.cleaned_data["goal"],
                    name=form.cleaned_data["name"],
                    by=request.user.get_username(),
                )
            except (recipes.UnknownGoal, recipes.AlreadyThere) as why:
                form.add_error(None, str(why))
            else:
                self.log_addition(request, campaign, [{"added": {}}])
                if segment is not None:
                    audience = path_of(campaign, "audience")
                    return HttpResponseRedirect(f"{audience}&made={segment.pk}#audience")
                return HttpResponseRedirect(path_of(campaign))
        goals = list(recipes.GOALS.values())
        return self.own_page(
            request,
            "admin/desk/campaign_begin.html",
            title=gettext("A new campaign"),
            form=form,
            plain=[goal for goal in goals if not goal.recipe],
            journeys=[goal for goal in goals if goal.recipe],
            chosen=form["goal"].value() or "announce",
            segment=segment,
        )


def _segment(request: HttpRequest) -> Segment | None:
    number = request.GET.get("segment", "")
    is_number = number.isdecimal() and len(number) < 19
    return Segment.objects.filter(pk=int(number)).first() if is_number else None
