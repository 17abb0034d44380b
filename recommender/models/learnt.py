"""What was learnt, from what, when, and how good it is."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time


class Task(models.TextChoices):
    RECOMMEND = "recommend", _("recommendations")
    POPULAR = "popular", _("what strangers see")
    INTERESTS = "interests", _("interests")
    CLUSTERS = "clusters", _("clusters")
    SENTIMENT = "sentiment", _("sentiment")
    PROPENSITY = "propensity", _("propensity")
    LOOKS = "looks", _("what looks alike")


class TrainingRun(models.Model):
    """One wish to train, and how far it has come."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    task = models.CharField(_("task"), max_length=12, choices=Task, default=Task.RECOMMEND)
    algorithms = models.JSONField(_("algorithms"), default=list, blank=True, help_text=_("Empty: all."))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    progress = models.FloatField(_("progress"), default=0.0)
    step = models.CharField(_("step"), max_length=200, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    requested_by = models.CharField(_("requested by"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    lease_until = models.DateTimeField(_("lease"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    pace = models.JSONField(_("seconds until each step"), default=dict, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=100, blank=True)
    is_going_live = models.BooleanField(_("is going live"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("training"), _("trainings")

    def __str__(self) -> str:
        return f"{self.get_task_display()} · {told_time(self.created_at)}"


class ModelVersion(models.Model):
    class State(models.TextChoices):
        LIVE = "live", _("live")
        REFUSED = "refused", _("refused: not better than the live one")
        RETIRED = "retired", _("retired")

    task = models.CharField(_("task"), max_length=12, choices=Task)
    algorithm = models.CharField(_("algorithm"), max_length=40)
    parameters = models.JSONField(_("parameters"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State)
    file = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    acts_file = models.CharField(
        _("file of what it learnt from"),
        max_length=200,
        blank=True,
        help_text=_("Never read by what serves."),
    )
    acts_sha256 = models.CharField(_("its SHA-256"), max_length=64, blank=True)
    people = models.PositiveIntegerField(_("people it learnt from"))
    interactions = models.PositiveBigIntegerField(_("interactions"))
    trained_until = models.DateTimeField(_("learnt until"))
    renewed_at = models.DateTimeField(
        _("kept up until"),
        null=True,
        blank=True,
        help_text=_("Without those who left by then, and with what was done by then."),
    )
    consents_until = models.BigIntegerField(_("knows the consent ledger until"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    metrics = models.JSONField(_("measured"), default=dict)
    reason = models.CharField(_("why this state"), max_length=300, blank=True)
    run = models.ForeignKey(
        TrainingRun,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="versions",
        verbose_name=_("training"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("model"), _("models")
        constraints = [
            models.UniqueConstraint(fields=["task"], condition=Q(state="live"), name="one_live_model_a_task")
        ]

    def __str__(self) -> str:
        return f"{self.get_task_display()}: {self.algorithm} v{self.pk}"
