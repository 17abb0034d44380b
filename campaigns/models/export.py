import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time


class Export(models.Model):
    """One set of rows that somebody asked for as a file: who, what, how many; the row outlives the file."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("being written")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        GONE = "gone", _("file deleted")

    class Format(models.TextChoices):
        CSV = "csv", _("CSV")
        CSV_GZ = "csv.gz", _("CSV, gzip")
        PARQUET = "parquet", _("Parquet")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.CharField(_("set"), max_length=30)
    format = models.CharField(_("format"), max_length=10, choices=Format, default=Format.CSV)
    since = models.DateTimeField(_("from"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    size = models.PositiveBigIntegerField(_("bytes"), default=0)
    why = models.CharField(_("why"), max_length=300, blank=True)
    requested_by = models.CharField(_("requested by"), max_length=150)
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    lease_until = models.DateTimeField(_("lease"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Empty where the file is not here: not yet, not any more, or written to a path of the asker's.
    expires_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    # Who was erased or restricted when it was read (`campaigns.exports.leaving`).
    mark = models.CharField(_("mark of who had left"), max_length=80, blank=True)
    cancel_asked_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True)
    downloads = models.PositiveIntegerField(_("downloads"), default=0)
    downloaded_at = models.DateTimeField(_("last download"), null=True, blank=True)
    downloaded_by = models.CharField(_("downloaded by"), max_length=150, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("data export"), _("data exports")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(state="done"),
                name="only_a_finished_export_has_a_file",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset} · {told_time(self.created_at)}"
