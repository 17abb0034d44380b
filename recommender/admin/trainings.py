"""The desk's pages of trainings, and of counts of pairs."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, button, shown
from catalog.progress import Progress
from catalog.work import Worked
from recommender import training
from recommender.admin import reasons
from recommender.admin.figures import measured
from recommender.algorithms.presets import BY_LABEL
from recommender.models import PairCount, PairShard, Task, TrainingRun

AT_WORK = (TrainingRun.State.WAITING, TrainingRun.State.RUNNING)


@admin.register(TrainingRun)
class TrainingRunAdmin(Worked):
    about = _(
        "Nothing has been learnt yet. “Train now” learns from the orders of everyone who allows personalization."
    )
    list_display = (
        "told_task",
        "told_state",
        "told_progress",
        "told_step",
        "came_of_it",
        "requested_by",
        "created_at",
    )
    list_filter = ("task", "state")
    date_hierarchy = "created_at"
    actions_list = ("train",)
    actions_detail = ("cancel",)
    fields = (
        ("task", "state"),
        "told_step",
        "came_of_it",
        ("requested_by", "created_at"),
        ("started_at", "ended_at"),
        ("cancelled_by", "cancel_asked_at"),
    )
    readonly_fields = ("told_step", "came_of_it")
    died = _("Its worker died; another one begins again within moments")

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return measured(row.result)

    @shown(_("task"), order="task")
    def told_task(self, run: TrainingRun) -> str:
        return run.get_task_display()

    def progress_of(self, row: TrainingRun) -> Progress:
        """Only running trainings are asked how long they last, of which there are no more than workers."""
        return Progress(row.progress, training.seconds_left(row, at=timezone.now()))

    def is_silent(self, row: TrainingRun) -> bool:
        return row.lease_until is not None and row.lease_until < timezone.now()

    def state_in_words(self, row: TrainingRun) -> str:
        told = super().state_in_words(row)
        return f"{told}: {reasons.told(row.step)}" if told == row.get_state_display() and row.step else told

    @shown(_("step"), order="step")
    def told_step(self, run: TrainingRun) -> str:
        """An algorithm's own name is told as it stands."""
        return reasons.told(run.step) or "–"

    @shown(_("result"))
    def came_of_it(self, run: TrainingRun) -> str:
        for name in ("error", "refused", "reason"):
            if told := run.result.get(name):
                return reasons.told(str(told))
        return "–"

    @button(_("Cancel this training"), path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same deed as the API's: nothing goes live, and what serves stays."""
        run = self.get_object(request, object_id)
        back = HttpResponseRedirect(reverse("admin:recommender_trainingrun_change", args=[object_id]))
        if run is None or run.state not in AT_WORK:
            messages.info(request, gettext("This training has ended; there is nothing to cancel."))
            return back
        if request.method == "POST":
            try:
                run = training.cancel(run, by=request.user.get_username(), at=timezone.now())
            except training.TooLate:
                messages.error(request, gettext("Too late: it has ended, or is going live already."))
                return back
            self.log_change(request, run, "Cancelled.")
            if run.state == TrainingRun.State.CANCELLED:
                messages.success(request, gettext("It is cancelled. What serves now goes on serving."))
            else:
                messages.success(
                    request, gettext("It stops at its next step. What serves now goes on serving.")
                )
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Cancel this training?"),
            row=run,
            sentences=[
                gettext("Nothing of it goes live; the model that serves now goes on serving."),
                gettext("What it has learnt so far is lost. It can be asked for again at any time."),
            ],
            confirm=gettext("Cancel this training"),
            is_grave=True,
        )

    def is_useful(self, name: str, row: TrainingRun) -> bool:
        return name != "cancel" or (row.state in AT_WORK and row.cancel_asked_at is None)

    @button(_("Train now"), path="train", icon="model_training")
    def train(self, request: HttpRequest) -> HttpResponse:
        """Write the wish down; the worker takes it up. The same deed as the command and the API."""
        given = request.POST if request.method == "POST" else request.GET
        algorithms = [label for label in given.getlist("algorithm") if label in BY_LABEL]
        asked = [task for task in training.TRAINABLE if task in given.getlist("task")]
        if request.method == "POST":
            for task in asked:
                of_it = algorithms if task == Task.RECOMMEND else []
                training.ask(task, algorithms=of_it, by=request.user.get_username())
            if asked:
                names = ", ".join(str(Task(task).label) for task in asked)
                messages.success(
                    request,
                    gettext("Asked for: %s. The worker begins within seconds; you may leave.") % names,
                )
                return HttpResponseRedirect(reverse("admin:recommender_trainingrun_changelist"))
            messages.error(request, gettext("Choose at least one thing to learn."))
        return self.own_page(
            request,
            "admin/desk/train.html",
            title=gettext("Train now"),
            tasks=[(str(task), Task(task).label) for task in training.TRAINABLE],
            asked=asked or ([Task.RECOMMEND] if algorithms else training.TRAINABLE),
            algorithms=sorted(BY_LABEL),
            chosen=algorithms,
        )


@admin.register(PairCount)
class PairCountAdmin(ReadOnly):
    about = _("Nobody has counted pairs in shards yet; “manage.py count_pairs” does.")
    list_display = ("until", "created_at", "ended_at", "file")
    fields = ("until", ("created_at", "ended_at"), ("items_file", "items_sha256"), ("file", "sha256"))


@admin.register(PairShard)
class PairShardAdmin(ReadOnly):
    about = _(
        "Parts of what people bought together, counted while a training runs; they add up to the list of pairs."
    )
    list_display = ("count", "first", "beyond", "attempt", "lease_until", "file")
    list_select_related = ("count",)
    fields = ("count", ("first", "beyond"), ("attempt", "lease_until"), ("file", "sha256"))
