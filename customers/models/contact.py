from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.customer import Customer


class Topic(models.Model):
    """A subject of messages that a person may leave without leaving all."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=200)
    # {"zh-hans": "…"}
    translations = models.JSONField(_("translations"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("topic"), _("topics")
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class ContactChoice(models.Model):
    """How often and about what a person wants to be written to; without one: all, as it comes."""

    class Frequency(models.TextChoices):
        ALL = "all", _("all, as it comes")
        WEEKLY = "weekly", _("once a week at most")

    customer = models.OneToOneField(
        Customer, on_delete=models.CASCADE, related_name="contact_choice", verbose_name=_("customer")
    )
    frequency = models.CharField(_("how often"), max_length=10, choices=Frequency, default=Frequency.ALL)
    paused_until = models.DateTimeField(_("nothing until"), null=True, blank=True)
    left_topics = models.ManyToManyField(Topic, blank=True, related_name="+", verbose_name=_("left topics"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("contact choice"), _("contact choices")

    def __str__(self) -> str:
        return f"#{self.customer_id} · {self.get_frequency_display()}"
