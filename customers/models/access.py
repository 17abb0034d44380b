from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    """A key of the API, kept as its SHA-256 (256 random bits need no slow hash) and shown once."""

    class Kind(models.TextChoices):
        SECRET = "secret", _("secret (server)")
        PUBLISHABLE = "publishable", _("publishable (browser)")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    label = models.CharField(_("label"), max_length=100, blank=True)
    prefix = models.CharField(_("begins with"), max_length=12)
    key_hash = models.CharField(_("hash"), max_length=64, unique=True)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("API key"), _("API keys")

    def __str__(self) -> str:
        return f"{self.label or self.get_kind_display()} ({self.prefix}…)"


class IdempotentReply(models.Model):
    """What a POST answered, so that the same Idempotency-Key gets the same answer for seven days."""

    scope = models.CharField(_("of whom and where"), max_length=64)
    key = models.CharField(_("idempotency key"), max_length=200)
    payload_sha256 = models.CharField(_("payload"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    body = models.BinaryField(_("answer"), default=bytes, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("idempotent reply"), _("idempotent replies")
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="an_idempotency_key_acts_once")]

    def __str__(self) -> str:
        return self.key
