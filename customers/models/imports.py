from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportRun(models.Model):
    """One file taken in: what was read, kept and skipped, and why. A file from the desk waits here for the worker."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("being taken in")
        DONE = "done", _("taken in")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    format = models.CharField(_("format"), max_length=30)
    name = models.CharField(_("file"), max_length=300)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    counts = models.JSONField(_("counts"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DONE)
    # Beside the file: how many rows the look has found, and in which language errors are told.
    options = models.JSONField(_("options"), default=dict, blank=True)
    requested_by = models.CharField(_("requested by"), max_length=150, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    begun_at = models.DateTimeField(_("taken up"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("import"), _("imports")

    def __str__(self) -> str:
        return f"{self.format} {self.name}"
