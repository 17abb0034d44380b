"""What was learnt of each person, of those who allow it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from recommender.models.learnt import ModelVersion


class InterestQuerySet(models.QuerySet["Interest"]):
    def told(self) -> "InterestQuerySet":
        """What may be shown and used: nothing that its person said is not true, whoever wrote it down since."""
        refusals = RefusedInterest.objects.filter(
            customer=models.OuterRef("customer"), category=models.OuterRef("category")
        )
        return self.filter(~models.Exists(refusals))


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

    is_inferred = True

    objects: ClassVar = InterestQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("interest"), _("interests")
        constraints = [
            models.UniqueConstraint(fields=["customer", "category"], name="one_interest_a_category")
        ]
        indexes = [models.Index(fields=["category", "probability"])]

    def __str__(self) -> str:
        return f"{self.customer}: {self.category} {self.probability:.0%}"

    @property
    def percent(self) -> int:
        return round(self.probability * 100)


class ClusterMembership(models.Model):
    customer = models.OneToOneField(
        "customers.Customer", on_delete=models.CASCADE, related_name="cluster", verbose_name=_("customer")
    )
    cluster = models.PositiveSmallIntegerField(_("cluster"), db_index=True)
    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, verbose_name=_("model"))

    is_inferred = True

    class Meta:
        verbose_name, verbose_name_plural = _("cluster membership"), _("cluster memberships")

    def __str__(self) -> str:
        return f"{self.customer}: {self.cluster}"


class Score(models.Model):
    """What a person is likely to do next, one row a person, written anew by each training.

    A null says that there is not enough data for it, or that the model expects none; no number stands for that.
    """

    customer = models.OneToOneField(
        "customers.Customer", on_delete=models.CASCADE, related_name="score", verbose_name=_("customer")
    )
    purchase = models.FloatField(_("probability of an order soon"), null=True, db_index=True)
    churn = models.FloatField(_("probability of no order for long"), null=True, db_index=True)
    lifetime_value = models.FloatField(_("expected money in a year"), null=True, db_index=True)
    expected_at = models.DateField(_("expected next order"), null=True, db_index=True)
    model = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, verbose_name=_("model"))

    is_inferred = True

    class Meta:
        verbose_name, verbose_name_plural = _("score"), _("scores")

    def __str__(self) -> str:
        return f"{self.customer}: score"


class RefusedInterest(models.Model):
    """What a person said is not true of them: it is not worked out, shown or used again until they take that back."""

    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="refused_interests",
        verbose_name=_("customer"),
    )
    category = models.ForeignKey(
        "catalog.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("category")
    )
    at = models.DateTimeField(_("refused"))

    # Of two people who are one, both's refusals hold (`customers.identities.merge`).
    refuses = "category"

    class Meta:
        verbose_name, verbose_name_plural = _("refused interest"), _("refused interests")
        constraints = [
            models.UniqueConstraint(fields=["customer", "category"], name="an_interest_is_refused_once")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.category}"
