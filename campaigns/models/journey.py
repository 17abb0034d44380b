from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign


class JourneyVersion(models.Model):
    """The steps of a journey as they were published. People inside finish the version they began."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="versions", verbose_name=_("campaign")
    )
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("steps"))
    created_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("published"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("version of a journey"), _("versions of journeys")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="a_journey_s_versions_are_numbered")
        ]

    def __str__(self) -> str:
        return gettext("%(campaign)s, version %(number)s") % {
            "campaign": self.campaign,
            "number": self.number,
        }


class JourneyEntry(models.Model):
    """One person on their way through a journey: where they are and what wakes them."""

    class State(models.TextChoices):
        WAITING = "waiting", _("on the way")
        DONE = "done", _("came to the end")
        LEFT = "left", _("left early")

    class Left(models.TextChoices):
        GOAL = "goal", _("did what the journey is for")
        EXIT = "exit", _("a step said so")
        SKIPPED = "skipped", _("a message was not to be sent")
        NO_CONSENT = "no_consent", _("no consent any more")
        GONE = "gone", _("the person is gone")
        CANCELLED = "cancelled", _("the campaign ended")
        FAILED = "failed", _("a step failed")
        TAKEN_OUT = "taken_out", _("taken out by hand")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="entries", verbose_name=_("campaign")
    )
    version = models.ForeignKey(
        JourneyVersion, on_delete=models.PROTECT, related_name="entries", verbose_name=_("version")
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="journeys", verbose_name=_("customer")
    )
    # What called for it, such as an event's number: the same cause never enters twice.
    key = models.CharField(_("cause"), max_length=80)
    cause = models.JSONField(_("what called for it"), default=dict, blank=True)
    arm = models.CharField(_("group by lot"), max_length=10, default="treated")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    step = models.CharField(_("at step"), max_length=40)
    wake_at = models.DateTimeField(_("goes on"), null=True, blank=True)
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    left_by = models.CharField(_("left because"), max_length=12, choices=Left, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("person in a journey"), _("people in journeys")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "customer", "key"], name="a_cause_enters_a_journey_once"
            )
        ]
        indexes = [
            models.Index(fields=["state", "wake_at"]),
            models.Index(fields=["campaign", "state", "step"]),
            models.Index(fields=["version", "id"], name="entries_as_they_came"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} {self.step}"


class JourneyVisit(models.Model):
    """One step that a person came by, and how they went on."""

    entry = models.ForeignKey(
        JourneyEntry, on_delete=models.CASCADE, related_name="visits", verbose_name=_("person in a journey")
    )
    step = models.CharField(_("step"), max_length=40)
    arrived_at = models.DateTimeField(_("arrived"))
    left_at = models.DateTimeField(_("went on"), null=True, blank=True)
    outcome = models.CharField(_("how"), max_length=20, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("step of a person"), _("steps of people")

    def __str__(self) -> str:
        return f"{self.step} {self.outcome}"


class Trigger(models.Model):
    """How far a journey has looked for what calls for it. One row a campaign, locked while it looks."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, related_name="trigger", verbose_name=_("campaign")
    )
    # The last event, or product change, looked at.
    cursor = models.BigIntegerField(_("looked at up to"), default=0)
    looked_at = models.DateTimeField(_("looked"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("trigger"), _("triggers")

    def __str__(self) -> str:
        return str(self.campaign)
