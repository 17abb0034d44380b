from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.moments import told_time
from customers.models.customer import Customer


class Event(models.Model):
    """Something a person did, kept once."""

    class Type(models.TextChoices):
        VIEWED = "viewed", _("viewed")
        SEARCHED = "searched", _("searched")
        ADDED = "added", _("added to basket")
        REMOVED = "removed", _("removed from basket")
        WISHED = "wished", _("wished for")
        ORDERED = "ordered", _("ordered")
        REFUNDED = "refunded", _("refunded")
        RATED = "rated", _("rated")
        OPENED = "opened", _("opened a message")
        CLICKED = "clicked", _("clicked in a message")

    class Basis(models.TextChoices):
        CONSENT = "consent", _("consent")
        DEFAULT = "default", _("default of the jurisdiction")
        CONTRACT = "contract", _("contract")

    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_index=False,  # `event_of_person` begins with it
        related_name="events",
        verbose_name=_("customer"),
    )
    type = models.CharField(_("type"), max_length=10, choices=Type)
    product = models.ForeignKey(
        Product,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,  # `event_of_product` begins with it
        related_name="events",
        verbose_name=_("product"),
    )
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3, default=1)
    value = models.DecimalField(
        _("value"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("The line's money, not the unit price."),
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    order_id = models.CharField(_("order"), max_length=100, blank=True)
    occurred_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"))
    source = models.CharField(_("source"), max_length=50)
    message_id = models.CharField(_("message id"), max_length=100)
    context = models.JSONField(_("context"), default=dict, blank=True)
    basis = models.CharField(_("legal basis"), max_length=10, choices=Basis)
    # A number, not a foreign key: the ledger outlives the person.
    consent_record_id = models.BigIntegerField(_("ledger record"), null=True, blank=True)
    cancels = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="cancelled_by",
        verbose_name=_("cancels"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("event"), _("events")
        constraints = [
            models.UniqueConstraint(fields=["source", "message_id"], name="an_event_is_kept_once"),
            models.CheckConstraint(
                condition=~Q(basis="consent") | Q(consent_record_id__isnull=False),
                name="an_event_kept_by_consent_names_its_record",
            ),
            models.CheckConstraint(
                condition=~Q(basis="contract") | Q(type__in=["ordered", "refunded"]),
                name="only_orders_are_kept_under_contract",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "type", "occurred_at"], name="event_of_person"),
            models.Index(fields=["type", "occurred_at"], name="event_of_type"),
            models.Index(fields=["product", "type"], name="event_of_product"),
            models.Index(fields=["order_id"], name="event_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} · {told_time(self.occurred_at)}"
