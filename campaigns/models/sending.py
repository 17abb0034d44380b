from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models.campaign import Campaign, Tag
from catalog.moments import told_time


class FrequencyCap(models.Model):
    """At most so many messages to one person in a while. All caps hold; the strictest wins."""

    class Unit(models.TextChoices):
        HOURS = "hours", _("hours")
        DAYS = "days", _("days")
        WEEKS = "weeks", _("weeks")

    class Kind(models.TextChoices):
        ROLLING = "rolling", _("counted back from each message")
        CALENDAR = "calendar", _("by the person's own calendar")

    name = models.CharField(_("name"), max_length=100)
    channel = models.CharField(
        _("channel"), max_length=10, choices=Campaign.Channel, blank=True, help_text=_("Empty: all together.")
    )
    tag = models.ForeignKey(
        Tag,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="caps",
        verbose_name=_("tag"),
        help_text=_("Empty: every campaign."),
    )
    most = models.PositiveSmallIntegerField(_("at most"))
    length = models.PositiveSmallIntegerField(_("in so many"), default=7)
    unit = models.CharField(_("unit"), max_length=10, choices=Unit, default=Unit.DAYS)
    kind = models.CharField(_("window"), max_length=10, choices=Kind, default=Kind.ROLLING)
    is_active = models.BooleanField(_("in force"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("frequency cap"), _("frequency caps")
        constraints = [
            models.CheckConstraint(
                condition=Q(length__gte=1) & (~Q(kind="calendar") | ~Q(unit="hours")),
                name="a_calendar_cap_counts_days_or_weeks",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class QuietHours(models.Model):
    """When nobody is written to, by the person's own clock."""

    class Policy(models.TextChoices):
        WAIT = "wait", _("wait until they are over")
        SKIP = "skip", _("do not send")

    name = models.CharField(_("name"), max_length=100)
    channel = models.CharField(
        _("channel"),
        max_length=10,
        choices=Campaign.Channel,
        blank=True,
        help_text=_("Empty: every channel."),
    )
    # Until before from goes over midnight; the same twice is the whole day.
    begins = models.TimeField(_("from"))
    ends = models.TimeField(_("until"))
    # 0 Monday to 6 Sunday, by the day on which they begin; empty: every day.
    weekdays = models.JSONField(_("on these days"), default=list, blank=True)
    policy = models.CharField(_("meanwhile"), max_length=10, choices=Policy, default=Policy.WAIT)
    is_active = models.BooleanField(_("in force"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("quiet hours"), _("quiet hours")

    def __str__(self) -> str:
        return self.name


class DomainPace(models.Model):
    """How fast a receiving domain takes our mail: a limit set by hand, and what its answers taught."""

    domain = models.CharField(_("domain"), max_length=255, unique=True)
    per_minute = models.PositiveIntegerField(
        _("at most a minute"), null=True, blank=True, help_text=_("Empty: as fast as it takes them.")
    )
    # What the domain's 4xx answers brought it down to; grows back by itself.
    slowed_to = models.PositiveIntegerField(_("slowed to a minute"), null=True, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    window_began = models.DateTimeField(_("this minute began"), null=True, blank=True)
    sent_in_window = models.PositiveIntegerField(_("sent this minute"), default=0)
    last_answer = models.CharField(_("last answer"), max_length=300, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("pace of a domain"), _("paces of domains")

    def __str__(self) -> str:
        return self.domain


class Bounce(models.Model):
    """What came back of a message, by a provider's webhook or a delivery status notification."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        DEFERRED = "deferred", _("deferred")
        SOFT = "soft", _("bounced for now")
        HARD = "hard", _("bounced for good")
        COMPLAINT = "complaint", _("complaint")
        UNSUBSCRIBE = "unsubscribe", _("left by the mailbox")

    # Its source's own number for it: the same notice twice is one.
    key = models.CharField(pgettext_lazy("of a notice", "key"), max_length=200, unique=True)
    source = models.CharField(_("source"), max_length=40)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    delivery = models.ForeignKey(
        "campaigns.Delivery",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="bounces",
        verbose_name=_("delivery"),
    )
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name, verbose_name_plural = _("notice of a message"), _("notices of messages")
        indexes = [models.Index(fields=["delivery", "kind"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {told_time(self.at)}"
