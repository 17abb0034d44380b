"""What was learnt, from what, when, and how good it is."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Task(models.TextChoices):
    RECOMMEND = "recommend", _("recommendations")
    POPULAR = "popular", _("what strangers see")
    INTERESTS = "interests", _("interests")
    CLUSTERS = "clusters", _("clusters")
    SENTIMENT = "sentiment", _("sentiment")
    PROPENSITY = "propensity", _("propensity")


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
        return f"{self.task} {self.created_at:%Y-%m-%d %H:%M}"


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
    people = models.PositiveIntegerField(_("people it learnt from"))
    interactions = models.PositiveBigIntegerField(_("interactions"))
    trained_until = models.DateTimeField(_("learnt until"))
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
        return f"{self.task}: {self.algorithm} v{self.pk}"


class Interest(models.Model):
    """The calibrated probability that a person acts in a category soon."""

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="interests", verbose_name=_("customer")
    )
    category = models.ForeignKey(
        "catalog.Category", on_delete=models.CASCADE, related_name="interests", verbose_name=_("category")
    )
    probability = models.FloatField(_("probability"))
    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, verbose_name=_("model"))

    class Meta:
        verbose_name, verbose_name_plural = _("interest"), _("interests")
        constraints = [
            models.UniqueConstraint(fields=["customer", "category"], name="one_interest_a_category")
        ]
        indexes = [models.Index(fields=["category", "probability"])]

    def __str__(self) -> str:
        return f"{self.customer}: {self.category} {self.probability:.0%}"


class ClusterMembership(models.Model):
    customer = models.OneToOneField(
        "customers.Customer", on_delete=models.CASCADE, related_name="cluster", verbose_name=_("customer")
    )
    cluster = models.PositiveSmallIntegerField(_("cluster"), db_index=True)
    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, verbose_name=_("model"))

    class Meta:
        verbose_name, verbose_name_plural = _("cluster membership"), _("cluster memberships")

    def __str__(self) -> str:
        return f"{self.customer}: {self.cluster}"


class PairCount(models.Model):
    """One wish to count how often any two products were bought by the same person, in shards of people."""

    until = models.DateTimeField(_("of what happened before"))
    items_file = models.CharField(_("file of the products"), max_length=200)
    items_sha256 = models.CharField(_("SHA-256 of the products"), max_length=64)
    file = models.CharField(_("file"), max_length=200, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("count of pairs"), _("counts of pairs")

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%d %H:%M}"


class PairShard(models.Model):
    """The people of one range of ids, and what became of counting theirs."""

    count = models.ForeignKey(
        PairCount, on_delete=models.CASCADE, related_name="shards", verbose_name=_("count of pairs")
    )
    first = models.BigIntegerField(_("first customer"))
    beyond = models.BigIntegerField(_("customer after the last"))
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    lease_until = models.DateTimeField(_("lease"), null=True, blank=True)
    file = models.CharField(_("file"), max_length=200, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("shard of people"), _("shards of people")
        constraints = [models.UniqueConstraint(fields=["count", "first"], name="a_person_is_in_one_shard")]

    def __str__(self) -> str:
        return f"{self.first} to {self.beyond}"
