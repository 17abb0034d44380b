import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models import PersonKey


class WebhookEndpoint(models.Model):
    """An address that is told what happened here, which facts, and who stands behind it."""

    class Receiver(models.TextChoices):
        OWN = "own", _("the shop's own system")
        PARTNER = "partner", _("a partner")

    class Because(models.TextChoices):
        """Why it was paused."""

        PERSON = "person", _("by a person")
        FAILING = "failing", _("nothing arrived for five days")
        GONE = "gone", _("the receiver said 410: it is gone")

    name = models.CharField(_("name"), max_length=100)
    url = models.URLField(_("address"), max_length=500, help_text=_("It begins with https://."))
    types = models.JSONField(_("is told"), default=list)
    # No default: of a person a partner is told only by permission, so whoever makes an endpoint must say which it is.
    receiver = models.CharField(_("who receives"), max_length=10, choices=Receiver)
    # The secrets are sealed under a key of their own, which `rotate_keys` wraps anew with the people's.
    key = models.OneToOneField(
        PersonKey, on_delete=models.PROTECT, related_name="webhook", editable=False, verbose_name=_("key")
    )
    sealed = models.BinaryField(_("sealed secrets"), default=bytes)
    rotated_at = models.DateTimeField(_("secret renewed"), null=True, blank=True)
    # How far each kind of row was looked through (`campaigns.webhooks.gathering`).
    cursors = models.JSONField(_("looked at up to"), default=dict, editable=False)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
    paused_because = models.CharField(_("paused because"), max_length=10, choices=Because, blank=True)
    failing_since = models.DateTimeField(_("nothing arrives since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    # While nobody answers there, so long nothing is tried.
    rests_until = models.DateTimeField(_("is left alone until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # In memory only, and only where it was made just now.
    new_secret: str = ""

    class Meta:
        verbose_name, verbose_name_plural = _("webhook"), _("webhooks")
        constraints = [
            models.CheckConstraint(
                condition=Q(receiver__in=["own", "partner"]), name="a_webhook_says_who_receives"
            )
        ]

    def __str__(self) -> str:
        return self.name


class WebhookMessage(models.Model):
    """That one fact is to be told to one endpoint. What it says is made when it is sent, from the fact's own row."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("arrived")
        FAILED = "failed", _("given up")
        WITHHELD = "withheld", _("withheld")

    class Reason(models.TextChoices):
        """Why it was withheld."""

        NO_PERMISSION = "no_permission", _("the person does not allow it")
        GONE = "gone", _("there is no such row any more")
        RESTRICTED = "restricted", _("the person's data are restricted")

    # The webhook-id, the same however often it is tried: by it a receiver knows what it has already.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="messages", verbose_name=_("webhook")
    )
    type = models.CharField(_("type"), max_length=30)
    # The number of the row that is told of.
    fact = models.CharField(_("row"), max_length=40)
    # Whom it is about; erasure deletes it with them. Empty where nobody knows, as at a till.
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="webhook_messages",
        verbose_name=_("customer"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    # Every claim has a number, so that whoever slept past their lease changes nothing.
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    # How far it is in the schedule of tries; a replay begins anew.
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(_("not before"))
    lease_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    # [{"at": …, "status": 500 or null, "said": "…", "ms": 12}], the newest last.
    history = models.JSONField(_("attempts"), default=list, blank=True)
    occurred_at = models.DateTimeField(_("happened"))
    gathered_at = models.DateTimeField(_("gathered"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    kept_for = (
        "gathered_at",
        timedelta(days=30),
        _("what arrived or failed can be looked up and sent again"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("webhook message"), _("webhook messages")
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "type", "fact"], name="a_fact_is_handed_over_once_a_webhook"
            )
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "not_before", "id"],
                condition=Q(state="waiting"),
                name="webhook_messages_that_wait",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(lease_until__isnull=False), name="webhook_messages_leased"
            ),
            models.Index(fields=["endpoint", "state", "ended_at"], name="webhook_messages_by_fate"),
            models.Index(fields=["gathered_at"], name="webhook_messages_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} · {self.get_state_display()}"
