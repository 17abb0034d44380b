from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models.customer import Customer


class Notice(models.Model):
    """The exact text that was shown. A version is never changed; a new text is a new version."""

    slug = models.CharField(_("notice"), max_length=60)
    version = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=20)
    purpose = models.CharField(_("purpose"), max_length=30)
    text = models.TextField(_("text"))
    sha256 = models.CharField(_("SHA-256 of the text"), max_length=64)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("notice"), _("notices")
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version", "language"], name="a_notice_version_has_one_text"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug}@{self.version} {self.language}"


class ConsentRecord(models.Model):
    """One line of the ledger. Only ever added; the database refuses update and delete (see migrations)."""

    # A number, not a foreign key: the proof outlives the row it points at.
    customer_id = models.BigIntegerField(_("customer"))
    sequence = models.PositiveIntegerField(_("number in the person's chain"))
    purpose = models.CharField(_("purpose"), max_length=30)
    granted = models.BooleanField(_("granted"))
    notice = models.CharField(_("notice"), max_length=80, blank=True)
    notice_sha256 = models.CharField(_("SHA-256 of the notice"), max_length=64, blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True)
    method = models.CharField(_("method"), max_length=50)
    source = models.CharField(_("source"), max_length=100)
    actor = models.CharField(_("actor"), max_length=100)
    at = models.DateTimeField(_("at"))
    commitment = models.CharField(_("commitment to the person"), max_length=64)
    previous_hash = models.CharField(_("previous hash"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name, verbose_name_plural = _("consent record"), _("consent ledger")
        constraints = [
            models.UniqueConstraint(fields=["customer_id", "sequence"], name="a_chain_has_no_forks"),
            models.CheckConstraint(
                condition=Q(granted=False)
                | (
                    ~Q(notice="")
                    & Q(notice_sha256__regex=r"^[0-9a-f]{64}$")
                    & ~Q(language="")
                    & ~Q(method="")
                    & ~Q(source="")
                    & ~Q(actor="")
                ),
                name="a_grant_carries_its_evidence",
            ),
        ]
        # How many said yes to the words of a version, on its page.
        indexes = [models.Index(fields=["notice"], condition=Q(granted=True), name="grant_of_notice")]

    def __str__(self) -> str:
        return f"#{self.customer_id}/{self.sequence} {self.purpose} {'+' if self.granted else '−'}"


class ConsentState(models.Model):
    """The newest answer of a person for a purpose: always the fold of their records."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="consents", verbose_name=_("customer")
    )
    purpose = models.CharField(_("purpose"), max_length=30)
    granted = models.BooleanField(_("granted"))
    record_id = models.BigIntegerField(_("ledger record"))
    at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name, verbose_name_plural = _("consent state"), _("consent states")
        constraints = [
            models.UniqueConstraint(fields=["customer", "purpose"], name="one_answer_a_person_and_purpose")
        ]
        indexes = [models.Index(fields=["purpose", "granted", "customer"])]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.purpose} {'+' if self.granted else '−'}"


class PendingConsent(models.Model):
    """A grant that waits for the person's own click in a mail (double opt-in)."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="pending_consents", verbose_name=_("customer")
    )
    purpose = models.CharField(_("purpose"), max_length=30)
    notice = models.CharField(_("notice"), max_length=80)
    language = models.CharField(_("language"), max_length=20)
    source = models.CharField(_("source"), max_length=100)
    token_hash = models.CharField(_("token hash"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    asked_at = models.DateTimeField(_("mail sent"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("pending consent"), _("pending consents")

    def __str__(self) -> str:
        return f"{self.customer_id} {self.purpose}"
