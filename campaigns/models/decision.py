import uuid

from django.db import models
from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign, CampaignRun, Message, Segment
from campaigns.models.code import Code
from campaigns.models.experiment import Variant
from campaigns.models.journey import JourneyEntry
from campaigns.models.offer import Offer
from catalog.moments import told_time


class Decision(models.Model):
    """What was chosen for one person at one moment, from what, why, and by whose leave."""

    class Arm(models.TextChoices):
        TREATED = "treated", _("in the campaign")
        CONTROL = "control", _("held out for comparison")
        HOLDOUT = "holdout", _("held out of all campaigns")

    class State(models.TextChoices):
        RESERVED = "reserved", _("set aside")
        COMMITTED = "committed", _("given")
        RELEASED = "released", _("given back")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign = models.ForeignKey(
        Campaign,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="decisions",
        verbose_name=_("campaign"),
    )
    run = models.ForeignKey(
        CampaignRun,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="decisions",
        verbose_name=_("run"),
    )
    # Erasure deletes a person's decisions; the campaign's counts stay in the run's waterfall.
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="decisions", verbose_name=_("customer")
    )
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("segment")
    )
    # Where a journey decided: the person's way through it, and which of its messages.
    entry = models.ForeignKey(
        JourneyEntry,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="decisions",
        verbose_name=_("person in a journey"),
    )
    step = models.PositiveSmallIntegerField(_("step"), default=0)
    placement = models.CharField(_("placement"), max_length=60)
    # A placement with several slots keeps a decision a slot; the first is 0.
    slot = models.PositiveSmallIntegerField(_("slot"), default=0)
    variant = models.ForeignKey(
        Variant,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="decisions",
        verbose_name=_("variant"),
    )
    arm = models.CharField(_("group by lot"), max_length=10, choices=Arm, default=Arm.TREATED)
    offer = models.ForeignKey(
        Offer,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="decisions",
        verbose_name=_("offer"),
    )
    code = models.ForeignKey(
        Code,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="decisions",
        verbose_name=_("code"),
    )
    skus = models.JSONField(_("products"), default=list)
    # [{"offer": slug, "score": …, "verdict": "chosen" | "eligible" | reason}]
    candidates = models.JSONField(_("candidates"), default=list)
    # The chance with which this offer was drawn for this person; 1 where nothing was drawn.
    propensity = models.FloatField(_("propensity"), default=1.0)
    explored = models.BooleanField(_("drawn by chance"), default=False)
    # Caps and budgets: set aside when decided, given when the message left, given back when it did not.
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.COMMITTED)
    set_aside = models.DecimalField(_("set aside of the budget"), max_digits=12, decimal_places=2, default=0)
    personalized = models.BooleanField(_("personalised"), default=False)
    model = models.ForeignKey(
        "recommender.ModelVersion", null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("model")
    )
    purpose = models.CharField(_("purpose"), max_length=30)
    basis = models.CharField(_("legal basis"), max_length=10)
    consent_record_id = models.BigIntegerField(_("ledger record"), null=True, blank=True)
    # Personalised decisions rest on a second permission, the one for `personalization`.
    personalization_basis = models.CharField(_("basis of personalisation"), max_length=10, blank=True)
    personalization_record_id = models.BigIntegerField(_("its ledger record"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"))
    # When the row itself was written: a run decides for everyone by the hour at which it began. By it new rows are found.
    written_at = models.DateTimeField(_("written"), null=True, auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("decision"), _("decisions")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "customer", "slot"],
                condition=Q(run__isnull=False, entry__isnull=True),
                name="a_person_is_planned_once_a_run",
            ),
            models.UniqueConstraint(
                fields=["entry", "step", "slot"],
                condition=Q(entry__isnull=False),
                name="a_step_of_a_journey_is_decided_once",
            ),
            models.CheckConstraint(
                condition=Q(propensity__gt=0, propensity__lte=1), name="a_propensity_is_a_chance"
            ),
            models.CheckConstraint(
                condition=~Q(basis="consent") | Q(consent_record_id__isnull=False),
                name="a_decision_by_consent_names_its_record",
            ),
            models.CheckConstraint(
                condition=Q(personalized=False) | ~Q(personalization_basis=""),
                name="nothing_is_personalised_without_permission",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "decided_at"]),
            models.Index(fields=["state"], condition=Q(state="reserved"), name="decisions_set_aside"),
            models.Index(fields=["placement", "decided_at"]),
            models.Index(fields=["written_at", "id"], name="decisions_as_written"),
            # The desk's list; with the row's key, as it is put in order by both.
            models.Index(fields=["decided_at", "id"], name="decisions_by_time"),
        ]

    def __str__(self) -> str:
        place = dict(Campaign.Channel.choices).get(self.placement, self.placement)
        return f"{capfirst(self.get_arm_display())} · {place} · {told_time(self.decided_at)}"


class Delivery(models.Model):
    """One message to one person, and every fate it can have."""

    class Status(models.TextChoices):
        PLANNED = "planned", _("planned")
        CLAIMED = "claimed", _("claimed")
        TRANSMITTING = "transmitting", _("transmitting")
        SENT = "sent", _("sent")
        RETRY = "retry", _("to be tried again")
        FAILED = "failed", _("failed")
        SUPPRESSED = "suppressed", _("suppressed")
        UNKNOWN = "unknown", _("unknown: the line broke after the body began")
        CANCELLED = "cancelled", _("cancelled")

    class Reason(models.TextChoices):
        NO_CONSENT = "no_consent", _("no consent")
        SUPPRESSED_ADDRESS = "suppressed_address", _("address on the suppression list")
        NO_ADDRESS = "no_address", _("no address")
        PAUSED = "paused", _("the person asked for a pause")
        LEFT_TOPIC = "left_topic", _("the person left the topic")
        CAPPED = "capped", _("too many messages")
        NOT_RUNNING = "not_running", _("campaign is not running")
        TEMPLATE = "template", _("the template failed for this person")
        ABORTED = "aborted", _("the template aborted the message")
        REFUSED = "refused", _("the receiving server refused")
        TOO_MANY_TRIES = "too_many_tries", _("tried too often")
        ERASED = "erased", _("the person was erased")
        QUIET_HOURS = "quiet_hours", _("quiet hours")
        TOO_LATE = "too_late", _("too late to be of use")
        LEFT_JOURNEY = "left_journey", _("the person had left the journey")

    decision = models.OneToOneField(
        Decision, on_delete=models.CASCADE, related_name="delivery", verbose_name=_("decision")
    )
    run = models.ForeignKey(
        CampaignRun, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("run")
    )
    entry = models.ForeignKey(
        JourneyEntry,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="deliveries",
        verbose_name=_("person in a journey"),
    )
    step = models.PositiveSmallIntegerField(_("step"), default=0)
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("customer")
    )
    channel = models.CharField(_("channel"), max_length=10)
    # The campaign's, its variant's or its step's, as it was planned; a webhook has none.
    content = models.ForeignKey(
        Message,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("message"),
    )
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PLANNED)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    # The campaign's, copied: of what is due the higher goes first.
    priority = models.IntegerField(_("priority"), default=0)
    not_before = models.DateTimeField(_("not before"))
    not_after = models.DateTimeField(_("of no use after"), null=True, blank=True)
    lease_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    message_id = models.CharField(_("Message-ID"), max_length=200, blank=True)
    basis = models.CharField(_("legal basis"), max_length=10, blank=True)
    consent_record_id = models.BigIntegerField(_("ledger record"), null=True, blank=True)
    transmitting_at = models.DateTimeField(_("transmission began"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("delivery"), _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "step", "customer", "channel"],
                condition=Q(entry__isnull=True),
                name="a_message_is_planned_once",
            ),
            models.UniqueConstraint(
                fields=["entry", "step", "channel"],
                condition=Q(entry__isnull=False),
                name="a_step_s_message_is_planned_once",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["transmitting", "sent", "unknown"])
                | Q(basis="consent", consent_record_id__isnull=False)
                | Q(basis="default")
                | Q(basis="soft", channel="email"),
                name="nothing_is_sent_without_permission",
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "not_before", "id"],
                condition=Q(status__in=["planned", "retry"]),
                name="deliveries_that_wait",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(lease_until__isnull=False), name="deliveries_under_way"
            ),
            models.Index(fields=["run", "status"]),
            models.Index(fields=["customer", "channel", "ended_at"]),
            models.Index(
                fields=["ended_at", "id"],
                condition=Q(ended_at__isnull=False),
                name="deliveries_as_they_ended",
            ),
            # Few of very many, and asked for by the desk's home and by whoever watches.
            models.Index(fields=["id"], condition=Q(status="unknown"), name="deliveries_of_unknown_fate"),
        ]

    def __str__(self) -> str:
        channel = dict(Campaign.Channel.choices).get(self.channel, self.channel)
        return f"{channel} · {self.get_status_display()}"


class Outcome(models.Model):
    """Which decision earned an event. Attribution stands beside the measured effect, never instead."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        CLICKED = "clicked", _("clicked")
        ORDERED = "ordered", _("ordered")
        REFUNDED = "refunded", _("refunded")

    decision = models.ForeignKey(
        Decision, on_delete=models.CASCADE, related_name="outcomes", verbose_name=_("decision")
    )
    event = models.OneToOneField(
        "customers.Event", on_delete=models.CASCADE, related_name="outcome", verbose_name=_("event")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=2, default=0)
    is_machine = models.BooleanField(_("by a machine"), default=False)
    machine_reasons = models.JSONField(_("signs of a machine"), default=list, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name, verbose_name_plural = _("outcome"), _("outcomes")
        indexes = [models.Index(fields=["decision", "kind"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {told_time(self.at)}"
