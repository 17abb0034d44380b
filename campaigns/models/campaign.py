import secrets
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.offer import Offer
from catalog.moments import told_time


def new_salt() -> str:
    return secrets.token_hex(16)


class Segment(models.Model):
    """Who: a rule, compiled to one query whenever it is asked."""

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    rule = models.JSONField(_("rule"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("segment"), _("segments")

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """What a mail says: Liquid, in HTML or MJML, with translations."""

    class Format(models.TextChoices):
        HTML = "html", "HTML"
        MJML = "mjml", "MJML"

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    subject = models.CharField(_("subject"), max_length=300)
    preheader = models.CharField(
        _("preview line"), max_length=200, blank=True, help_text=_("What a mailbox shows after the subject.")
    )
    format = models.CharField(_("format"), max_length=4, choices=Format, default=Format.HTML)
    body = models.TextField(_("body (Liquid, HTML)"))
    text = models.TextField(_("text part (Liquid)"), blank=True, help_text=_("Empty: made from the body."))
    translations = models.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        help_text=_('{"zh-hans": {"subject": "…", "body": "…", "text": "…"}}'),
    )
    product_count = models.PositiveSmallIntegerField(_("recommended products"), default=4)
    # The blocks the body was made from; empty where its source is written by hand.
    layout = models.JSONField(_("blocks"), default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("message"), _("messages")

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """What several campaigns have in common, for caps and filters."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name, verbose_name_plural = _("tag"), _("tags")

    def __str__(self) -> str:
        return self.name


class Campaign(models.Model):
    class Kind(models.TextChoices):
        ONCE = "once", _("once")
        RECURRING = "recurring", _("again and again")
        JOURNEY = "journey", _("a journey, begun by what people do")

    class SendTime(models.TextChoices):
        AT_ONCE = "at_once", _("at the same moment everywhere")
        LOCAL = "local", _("at that hour where each person is")
        BEST_HOUR = "best_hour", _("at the hour that suits each person, within a day")

    class Allocation(models.TextChoices):
        FIXED = "fixed", _("by their weights")
        BANDIT = "bandit", _("more and more to what works (bandit)")

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        FINISHED = "finished", _("finished")
        CANCELLED = "cancelled", _("cancelled")
        ARCHIVED = "archived", _("archived")

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        ONSITE = "onsite", _("in the shop")
        WEBHOOK = "webhook", _("webhook")

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.EMAIL)
    message = models.ForeignKey(
        Message,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="campaigns",
        verbose_name=_("message"),
    )
    placement = models.SlugField(
        _("placement"), max_length=60, blank=True, help_text=_("Where in the shop it shows.")
    )
    webhook_url = models.URLField(_("webhook address"), max_length=500, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ONCE)
    recurrence = models.CharField(
        _("repeats"),
        max_length=200,
        blank=True,
        help_text=_(
            "A rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0, by the shop's clock."
        ),
    )
    send_time = models.CharField(
        _("hour of sending"), max_length=10, choices=SendTime, default=SendTime.AT_ONCE
    )
    priority = models.IntegerField(
        _("priority"), default=0, help_text=_("Who may get only one more message gets that of the higher.")
    )
    topic = models.ForeignKey(
        "customers.Topic",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="campaigns",
        verbose_name=_("topic"),
        help_text=_("People may leave a topic without leaving all."),
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="campaigns", verbose_name=_("tags"))
    allocation = models.CharField(
        _("variants are shared out"), max_length=10, choices=Allocation, default=Allocation.FIXED
    )
    ignores_holdout = models.BooleanField(
        _("also to the global holdout"),
        default=False,
        help_text=_("Only where silence would harm the person."),
    )
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    control_percent = models.DecimalField(
        _("control group, percent"), max_digits=5, decimal_places=2, default=10
    )
    salt = models.CharField(_("salt"), max_length=32, default=new_salt, editable=False)
    window_days = models.PositiveSmallIntegerField(_("days an effect is measured"), default=14)
    margin_percent = models.DecimalField(_("margin, percent"), max_digits=5, decimal_places=2, default=40)
    sending_cost = models.DecimalField(_("cost of one message"), max_digits=8, decimal_places=4, default=0)
    stop_at_complaints = models.DecimalField(
        _("stops at complaints, percent"), max_digits=5, decimal_places=2, default=Decimal("0.30")
    )
    stop_at_errors = models.DecimalField(
        _("stops at failures, percent"), max_digits=5, decimal_places=2, default=Decimal("10")
    )
    stopped_because = models.CharField(_("stopped because"), max_length=300, blank=True)
    # What went wrong before a person let it go on again does not stop it once more.
    resumed_at = models.DateTimeField(_("resumed"), null=True, blank=True, editable=False)
    created_by = models.CharField(_("made by"), max_length=150, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_people = models.PositiveIntegerField(_("approved for so many people"), null=True, blank=True)
    # What was approved: changed since, it is approved again (campaigns/contents.py).
    approved_contents = models.CharField(_("approved contents"), max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("campaign"), _("campaigns")
        constraints = [
            models.CheckConstraint(
                condition=Q(control_percent__gte=0) & Q(control_percent__lt=100),
                name="a_control_group_is_a_share",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignSegment(models.Model):
    """Which offers a segment may get. A person in several segments counts in the first, by position."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="audiences", verbose_name=_("campaign")
    )
    segment = models.ForeignKey(
        Segment, on_delete=models.PROTECT, related_name="campaigns", verbose_name=_("segment")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    offers = models.ManyToManyField(Offer, blank=True, related_name="audiences", verbose_name=_("offers"))

    class Meta:
        verbose_name, verbose_name_plural = _("audience"), _("audiences")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "segment"], name="a_segment_stands_once_in_a_campaign"
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.segment}"


class CampaignRun(models.Model):
    """One due time of a campaign, planned once."""

    class State(models.TextChoices):
        DUE = "due", _("due")
        PLANNING = "planning", _("planning")
        DELIVERING = "delivering", _("delivering")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="runs", verbose_name=_("campaign")
    )
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DUE)
    planned_at = models.DateTimeField(_("planned"), null=True, blank=True)
    cursor = models.BigIntegerField(_("planned up to customer"), default=0)
    # Below the cursor, but not planned yet: [{"first", "last", "claim", "until"}], each some planner's at this moment.
    spans = models.JSONField(_("spans being planned"), default=list, blank=True)
    waterfall = models.JSONField(_("waterfall"), default=dict, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("run"), _("runs")
        constraints = [models.UniqueConstraint(fields=["campaign", "due_at"], name="a_run_is_due_once")]

    def __str__(self) -> str:
        return f"{self.campaign} · {told_time(self.due_at)}"
