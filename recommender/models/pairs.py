"""A count of pairs in shards of people, so that several workers share it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time


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
        return told_time(self.until)


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
