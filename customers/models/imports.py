from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportRun(models.Model):
    """One file taken in: what was read, kept and skipped, and why."""

    format = models.CharField(_("format"), max_length=30)
    name = models.CharField(_("file"), max_length=300)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    counts = models.JSONField(_("counts"), default=dict)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("import"), _("imports")

    def __str__(self) -> str:
        return f"{self.format} {self.name}"
