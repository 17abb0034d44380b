"""Two versions side by side for one person, a basket or a stranger; and another one put live by hand."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button, told_time
from customers import few
from recommender import serving, training
from recommender.admin.figures import Headline
from recommender.admin.lists import compared, told
from recommender.admin.shows import LENGTH, Whom
from recommender.algorithms import storage
from recommender.models import ModelVersion, Task
from recommender.serving import Recommendation

MOST = 40
"""So many of the newest versions can be chosen from."""


class Comparing(ReadOnly):
    """The buttons of models: side by side, and put live."""

    actions_list: tuple[str, ...] = ("compare",)
    actions_detail: tuple[str, ...] = ("beside_live", "put_live", "train_again")

    def is_useful(self, name: str, row: ModelVersion) -> bool:
        is_ranking, is_live = row.task == Task.RECOMMEND, row.state == ModelVersion.State.LIVE
        match name:
            case "put_live":
                return training.can_serve(row)
            case "train_again":
                return is_ranking and not is_live and not training.is_kept(row)
            case "beside_live":
                return is_ranking and not is_live and training.is_kept(row)
        return True

    def has_train_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("recommender.change_trainingrun"))

    @button(_("Beside the live one"), path="beside-live", icon="compare", needs="view")
    def beside_live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        live = ModelVersion.objects.filter(task=Task.RECOMMEND, state=ModelVersion.State.LIVE).first()
        asked = {"left": live.pk if live else "", "right": object_id}
        return HttpResponseRedirect(f"{reverse('admin:recommender_modelversion_compare')}?{urlencode(asked)}")

    @button(_("Train it again"), path="train-again", icon="model_training", needs="train")
    def train_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        label = row.metrics.get("label", row.algorithm) if row is not None else ""
        train = reverse("admin:recommender_trainingrun_train")
        return HttpResponseRedirect(f"{train}?{urlencode({'algorithm': label})}")

    @button(_("Put it live"), path="put-live", icon="publish")
    def put_live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return HttpResponseRedirect(reverse("admin:recommender_modelversion_changelist"))
        back = HttpResponseRedirect(reverse("admin:recommender_modelversion_change", args=[row.pk]))
        live = ModelVersion.objects.filter(task=row.task, state=ModelVersion.State.LIVE).first()
        if request.method == "POST":
            try:
                training.put_live(row, by=request.user.get_username())
            except training.CannotServe as reason:
                messages.error(request, str(reason))
                return back
            self.log_change(request, row, f"Put live by hand; before: {live.pk if live else 'none'}.")
            messages.success(
                request,
                gettext(
                    "It serves from the next request on. The one before rests for an hour; until then you can go back to it."
                ),
            )
            return back
        if not training.can_serve(row):
            messages.info(request, gettext("It serves already, or its file is not kept any more."))
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Put version %s live?") % row.pk,
            row=row,
            sentences=_consequence(row, live),
            confirm=gettext("Put it live"),
        )

    @button(_("Compare two"), path="compare", icon="compare", needs="view")
    def compare(self, request: HttpRequest) -> HttpResponse:
        """Both are loaded and ranked by the path that serves; nothing is kept."""
        rows = ModelVersion.objects.filter(task=Task.RECOMMEND).order_by("-created_at", "-pk")[:MOST]
        versions = list(rows)
        kept = [row for row in versions if training.is_kept(row) or row.state == ModelVersion.State.LIVE]
        by_number = {str(row.pk): row for row in kept}
        left, right = (by_number.get(request.GET.get(name, "")) for name in ("left", "right"))
        sees_people = bool(request.user.has_perm("customers.view_customer"))
        whom = Whom.of(request.GET, sees_people=sees_people)
        shown: dict[str, Any] = {}
        if left is not None and left == right:
            shown = {"problem": gettext("That is the same version twice: choose another to compare it with.")}
        elif left is not None and right is not None and not whom.wrong:
            shown = _side_by_side(left, right, whom)
        return self.own_page(
            request,
            "admin/desk/recommender_compare.html",
            title=gettext("Compare two models"),
            choices=[(row.pk, _named(row)) for row in kept],
            gone=len(versions) - len(kept),
            left=left,
            right=right,
            whom=whom,
            sees_people=sees_people,
            **shown,
        )


def _named(row: ModelVersion) -> str:
    label = row.metrics.get("label", row.algorithm)
    return f"{row.pk} · {label} · {row.get_state_display()} · {told_time(row.created_at)}"


def _consequence(row: ModelVersion, live: ModelVersion | None) -> list[str]:
    """What follows, with the figures of both."""
    told_now = [gettext("From the next request on everybody gets lists of this version.")]
    for words, one in ((gettext("This one"), row), (gettext("Live now"), live)):
        if one is not None:
            head = Headline.of(one.metrics)
            figure = head.sentence if head else gettext("not measured")
            told_now.append(
                gettext("%(which)s: %(figure)s, learnt from %(people)s people.")
                % {"which": words, "figure": figure, "people": few.short(one.people)}
            )
    if row.state == ModelVersion.State.REFUSED:
        told_now.append(gettext("It was refused because it was not surely better; that holds still."))
    told_now.append(
        gettext("The one that is live rests, and its file is deleted an hour after it was written.")
    )
    return told_now


def _side_by_side(left: ModelVersion, right: ModelVersion, whom: Whom) -> dict[str, Any]:
    at = timezone.now()
    try:
        answers = [_list_of(version, whom, at=at) for version in (left, right)]
    except storage.TornModel:
        return {"problem": gettext("One of the two files cannot be read; choose another version.")}
    one, other = answers
    lists = told(answers, [other, one])
    return {
        "lists": [(_named(version), items) for version, items in zip((left, right), lists, strict=True)],
        "difference": compared(one, other),
        "personalized": one.personalized,
    }


def _list_of(version: ModelVersion, whom: Whom, *, at: Any) -> Recommendation:
    """Raises TornModel; serving itself would pass over the version in silence."""
    serving.load(version)
    asked = serving.AskedOf([whom.customer_id] if whom.customer_id is not None else [], version)
    if whom.basket:
        return serving.recommend_basket(whom.basket, at=at, limit=LENGTH, asked=asked)
    if whom.customer_id is not None:
        return serving.recommend(whom.customer_id, at=at, limit=LENGTH, asked=asked)
    return serving.recommend_basket((), at=at, limit=LENGTH, asked=asked)
