import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign, CampaignRun, Segment
from campaigns.models.offer import Code, Offer


class Decision(models.Model):
    """What was chosen for one person at one moment, from what, why, and by whose leave."""

    class Arm(models.TextChoices):
        TREATED = "treated", _("treated")
        CONTROL = "control", _("control")

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
    placement = models.CharField(_("placement"), max_length=60)
    arm = models.CharField(_("arm"), max_length=10, choices=Arm, default=Arm.TREATED)
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
    propensity = models.FloatField(_("propensity"), default=1.0)
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
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("decision"), _("decisions")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "customer"],
                condition=Q(run__isnull=False),
                name="a_person_is_planned_once_a_run",
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
        indexes = [models.Index(fields=["customer", "decided_at"])]

    def __str__(self) -> str:
        return f"{self.placement} {self.arm} {self.decided_at:%Y-%m-%d %H:%M}"


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
        CAPPED = "capped", _("too many messages")
        NOT_RUNNING = "not_running", _("campaign is not running")
        TEMPLATE = "template", _("the template failed for this person")
        ABORTED = "aborted", _("the template aborted the message")
        REFUSED = "refused", _("the receiving server refused")
        TOO_MANY_TRIES = "too_many_tries", _("tried too often")
        ERASED = "erased", _("the person was erased")

    decision = models.OneToOneField(
        Decision, on_delete=models.CASCADE, related_name="delivery", verbose_name=_("decision")
    )
    run = models.ForeignKey(
        CampaignRun, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("run")
    )
    step = models.PositiveSmallIntegerField(_("step"), default=0)
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("customer")
    )
    channel = models.CharField(_("channel"), max_length=10)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PLANNED)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    not_before = models.DateTimeField(_("not before"))
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
                fields=["run", "step", "customer", "channel"], name="a_message_is_planned_once"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["transmitting", "sent", "unknown"])
                | Q(basis="consent", consent_record_id__isnull=False)
                | Q(basis="default"),
                name="nothing_is_sent_without_permission",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "not_before"]),
            models.Index(fields=["run", "status"]),
            models.Index(fields=["customer", "channel", "ended_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.status}"


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
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
