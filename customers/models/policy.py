from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Jurisdiction(models.Model):
    """Whose law holds for a person, and what it says; data, so that a privacy officer can change it."""

    # A code of places, not of money off.
    code = models.CharField(pgettext_lazy("place", "code"), max_length=10, unique=True)
    name = models.CharField(_("name"), max_length=100)
    # ISO 3166-1 alpha-2; a country stands in one of them.
    countries = models.JSONField(_("countries"), default=list, blank=True)
    answer_days = models.PositiveSmallIntegerField(
        _("days to answer a request"), default=30, help_text=_("Counted from the day the request came in.")
    )
    soft_opt_in = models.BooleanField(
        _("buyers may be written to about similar products"),
        default=False,
        help_text=_("Only where the order offered to refuse it, until the person says no."),
    )
    source = models.CharField(_("where it says so"), max_length=300, blank=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("jurisdiction"), _("jurisdictions")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class SilentYes(models.Model):
    """A purpose for which silence means yes in a jurisdiction, until the person objects. Everything else asks first."""

    jurisdiction = models.ForeignKey(
        Jurisdiction, on_delete=models.CASCADE, related_name="silent", verbose_name=_("jurisdiction")
    )
    purpose = models.CharField(_("purpose"), max_length=30)

    class Meta:
        verbose_name, verbose_name_plural = _("silence means yes"), _("silence means yes")
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "purpose"], name="silence_is_said_once_a_purpose")
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction_id} {self.purpose}"


class PolicyVersion(models.Model):
    """What a jurisdiction said from a moment on, beside the rows that hold today. Only ever added; the database refuses
    update and delete (see migrations)."""

    # No foreign key: what the law said outlives a jurisdiction that was deleted.
    code = models.CharField(pgettext_lazy("place", "code"), max_length=10)
    number = models.PositiveIntegerField(_("version"))
    since = models.DateTimeField(_("since"))
    name = models.CharField(_("name"), max_length=100)
    countries = models.JSONField(_("countries"), default=list, blank=True)
    # The purposes for which silence means yes, in order.
    silent = models.JSONField(_("silence means yes for"), default=list, blank=True)
    soft_opt_in = models.BooleanField(_("buyers may be written to about similar products"))
    answer_days = models.PositiveSmallIntegerField(_("days to answer a request"))
    source = models.CharField(_("where it says so"), max_length=300, blank=True)
    # Empty: as it was built in.
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True)
    is_removed = models.BooleanField(_("deleted"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("version of a jurisdiction"), _("versions of jurisdictions")
        constraints = [
            models.UniqueConstraint(fields=["code", "number"], name="a_law_has_one_version_of_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.code}/{self.number}"


class FormerLaw(models.Model):
    """Whose law held for a person until they, or their country, came under another."""

    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="former_laws",
        verbose_name=_("customer"),
    )
    jurisdiction = models.CharField(_("jurisdiction"), max_length=10)
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name, verbose_name_plural = _("former law of a person"), _("former laws of people")

    def __str__(self) -> str:
        return f"{self.customer_id} {self.jurisdiction}"


class SoftOptIn(models.Model):
    """An order at whose taking the buyer could refuse messages about similar products, and did not (ePrivacy 13(2))."""

    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="soft_opt_ins",
        verbose_name=_("customer"),
    )
    category = models.ForeignKey(
        "catalog.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("category")
    )
    order_id = models.CharField(_("order"), max_length=100)
    # The words of the offer to refuse, as `slug@version`, in the language shown.
    notice = models.CharField(_("notice"), max_length=80)
    notice_sha256 = models.CharField(_("SHA-256 of the notice"), max_length=64)
    language = models.CharField(_("language"), max_length=20)
    at = models.DateTimeField(_("ordered"))

    class Meta:
        verbose_name, verbose_name_plural = _("soft opt-in"), _("soft opt-ins")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "category", "order_id"], name="an_order_opts_in_once_a_category"
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.order_id}"


class SensitiveAttribute(models.Model):
    """An attribute of people that rules and models may not use without an approved, recorded reason."""

    name = models.CharField(_("attribute"), max_length=100, unique=True)
    why = models.CharField(_("why it is sensitive"), max_length=300)
    added_by = models.CharField(_("added by"), max_length=150)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("sensitive attribute"), _("sensitive attributes")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SensitiveUse(models.Model):
    """A reason to use a sensitive attribute in one place; it holds while another person's approval does."""

    attribute = models.ForeignKey(
        SensitiveAttribute, on_delete=models.CASCADE, related_name="uses", verbose_name=_("attribute")
    )
    # What may use it: `segment:slug`, `offer:slug`, `placement:slug`, `model:task`.
    where = models.CharField(_("where"), max_length=150)
    reason = models.TextField(_("reason"))
    asked_by = models.CharField(_("asked by"), max_length=150)
    asked_at = models.DateTimeField(_("asked"))
    approved_by = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    ends_at = models.DateTimeField(_("holds until"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = (
            _("use of a sensitive attribute"),
            _("uses of sensitive attributes"),
        )
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_by="") | ~models.Q(approved_by=models.F("asked_by")),
                name="a_sensitive_use_is_approved_by_another",
            )
        ]

    def __str__(self) -> str:
        return f"{self.attribute} {self.where}"
