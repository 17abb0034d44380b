import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class PersonKey(models.Model):
    """One person's data key, wrapped under a master key. Destroying the row is erasure."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    wrapped = models.BinaryField(_("wrapped key"))
    master_key_id = models.CharField(_("master key"), max_length=50)

    class Meta:
        verbose_name, verbose_name_plural = _("person key"), _("person keys")

    def __str__(self) -> str:
        return str(self.id)


_HERE = models.Q(erased_at__isnull=True, merged_into__isnull=True)
_NAMED = (
    models.Q(external_id__isnull=False)
    | models.Q(email_index__gt="")
    | models.Q(phone_index__gt="")
)  # fmt: skip


class CustomerQuerySet(models.QuerySet["Customer"]):
    def present(self) -> "CustomerQuerySet":
        """People who are still here: neither erased nor merged into another."""
        return self.filter(_HERE)

    def known(self) -> "CustomerQuerySet":
        """Of those who are here, whom the shop knows: by its own id, an e-mail address or a phone number."""
        return self.filter(_HERE, _NAMED)

    def anonymous(self) -> "CustomerQuerySet":
        return self.filter(_HERE).exclude(_NAMED)


class Customer(models.Model):
    """One person. What identifies them is sealed under their own key; what rules ask for stands in columns."""

    external_id = models.CharField(
        _("shop's own id"),
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text=_("Empty for anonymous visitors."),
    )
    key = models.OneToOneField(
        PersonKey, null=True, on_delete=models.SET_NULL, related_name="customer", verbose_name=_("key")
    )
    sealed = models.BinaryField(_("sealed fields"), default=bytes, blank=True)
    email_index = models.CharField(_("e-mail index"), max_length=64, blank=True, db_index=True)
    phone_index = models.CharField(_("phone index"), max_length=64, blank=True, db_index=True)
    # The mark of the key that both were made with; empty where there is neither.
    index_key = models.CharField(_("index key"), max_length=12, blank=True)
    locale = models.CharField(_("language"), max_length=20, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=50, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, db_index=True)
    jurisdiction = models.CharField(_("jurisdiction"), max_length=10)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    # Kept and used for nothing (GDPR 18), until the person or the privacy officer lifts it.
    restricted_at = models.DateTimeField(_("restricted"), null=True, blank=True)
    # How many restrictions and liftings there were: the journal's lines carry the number (`customers.restriction`).
    restriction_changes = models.PositiveIntegerField(
        _("changes of the restriction"), default=0, db_default=0
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("customer"), _("customers")
        # Of the last three some of very many: those that are asked for alone.
        indexes = [
            models.Index(fields=["index_key"], name="customers_by_index_key"),
            models.Index(
                fields=["restricted_at"],
                condition=models.Q(restricted_at__isnull=False),
                name="customer_restricted",
            ),
            models.Index(
                fields=["erased_at"], condition=models.Q(erased_at__isnull=False), name="customer_erased"
            ),
            models.Index(fields=["id"], condition=_HERE & _NAMED, name="customer_known"),
        ]

    def __str__(self) -> str:
        return self.external_id or f"#{self.pk}"


class IdentityQuerySet(models.QuerySet["Identity"]):
    def person(self, named: Any) -> models.Subquery:
        """Who is known under that shop's own id, as a value in a question."""
        return models.Subquery(
            self.filter(kind=Identity.Kind.CUSTOMER, value=named).values("customer_id"),
            output_field=models.BigIntegerField(),
        )


class Identity(models.Model):
    """A name under which a person is known. Several names may lead to one person."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("shop's own id")
        ANONYMOUS = "anonymous", _("anonymous id")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="identities", verbose_name=_("customer")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    value = models.CharField(_("value"), max_length=200)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("identity"), _("identities")
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="a_name_leads_to_one_person")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class Suppression(models.Model):
    """An address that must not be written to. A keyed hash, so that it survives erasure and re-import."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        HARD_BOUNCE = "hard_bounce", _("address does not exist")
        COMPLAINT = "complaint", _("complained")
        MANUAL = "manual", _("set by hand")

    channel = models.CharField(_("channel"), max_length=10, default="email")
    address_index = models.CharField(_("address index"), max_length=64)
    # The mark of the key it was made with; empty where the journal brought it back and does not say.
    index_key = models.CharField(_("index key"), max_length=12, blank=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    source = models.CharField(_("source"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("suppression"), _("suppression list")
        constraints = [
            models.UniqueConstraint(fields=["channel", "address_index"], name="an_address_is_suppressed_once")
        ]
        indexes = [models.Index(fields=["index_key"], name="suppressions_by_index_key")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.get_reason_display()}"
