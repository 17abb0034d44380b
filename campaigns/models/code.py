from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models.offer import Offer
from catalog.moments import told_time


class CodeBatch(models.Model):
    """Codes that came into an offer's pool together: made here, or brought in a file. Many wait here for the worker."""

    class Origin(models.TextChoices):
        GENERATED = "generated", _("made here")
        IMPORTED = "imported", _("brought in a file")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("going into the pool")
        DONE = "done", _("in the pool")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="batches", verbose_name=_("offer")
    )
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    name = models.CharField(_("file"), max_length=200, blank=True)
    count = models.PositiveIntegerField(_("codes"), default=0)
    expires_at = models.DateTimeField(_("expire"), null=True, blank=True)
    created_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DONE)
    why = models.TextField(_("why"), blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    begun_at = models.DateTimeField(_("taken up"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("batch of codes"), _("batches of codes")

    def __str__(self) -> str:
        return f"{self.offer}: {self.count}"


class Code(models.Model):
    """A promotion code for one person."""

    class State(models.TextChoices):
        FREE = "free", _("free")
        ASSIGNED = "assigned", _("assigned")
        RESERVED = "reserved", _("reserved")
        REDEEMED = "redeemed", _("redeemed")
        REVERSED = "reversed", _("reversed")
        EXPIRED = "expired", _("expired")

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="codes", verbose_name=_("offer"))
    value = models.CharField(_("code"), max_length=40, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.FREE)
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="codes",
        verbose_name=_("customer"),
    )
    batch = models.ForeignKey(
        CodeBatch,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="codes",
        verbose_name=_("batch"),
    )
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    reserved_for = models.CharField(_("reserved for order"), max_length=100, blank=True)
    reserved_until = models.DateTimeField(_("reserved until"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("code"), _("codes")
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "customer"],
                condition=Q(customer__isnull=False),
                name="a_person_has_one_code_of_an_offer",
            )
        ]
        indexes = [models.Index(fields=["offer", "state"])]

    def __str__(self) -> str:
        return self.value


class Redemption(models.Model):
    code = models.ForeignKey(
        Code, on_delete=models.PROTECT, related_name="redemptions", verbose_name=_("code")
    )
    customer = models.ForeignKey(
        "customers.Customer", null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("redeemed by")
    )
    order_id = models.CharField(_("order"), max_length=100)
    amount = models.DecimalField(_("order amount"), max_digits=14, decimal_places=2)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    at = models.DateTimeField(_("at"))
    reversed_at = models.DateTimeField(_("reversed"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("redemption"), _("redemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=Q(reversed_at__isnull=True), name="a_code_is_redeemed_once"
            )
        ]
        indexes = [
            models.Index(fields=["order_id"]),
            models.Index(
                fields=["reversed_at", "id"],
                condition=Q(reversed_at__isnull=False),
                name="redemptions_as_reversed",
            ),
        ]

    def __str__(self) -> str:
        return gettext("order %s") % self.order_id


class CodeMisuse(models.Model):
    """Somebody else than its owner tried to use a code, or did: a sign that it went round."""

    class Kind(models.TextChoices):
        REFUSED = "refused", _("tried and refused")
        REDEEMED = "redeemed", _("used")

    code = models.ForeignKey(Code, on_delete=models.CASCADE, related_name="misuses", verbose_name=_("code"))
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind)
    customer = models.ForeignKey(
        "customers.Customer", null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("by")
    )
    order_id = models.CharField(_("order"), max_length=100)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name, verbose_name_plural = _("use by someone else"), _("uses by someone else")
        constraints = [
            models.UniqueConstraint(
                fields=["code", "order_id", "kind"], name="a_misuse_is_noted_once_an_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {told_time(self.at)}"
