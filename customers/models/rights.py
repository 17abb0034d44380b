import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time
from customers.models.customer import Customer


class PrivacyRequest(models.Model):
    """Something a person may demand, from the asking to the proof that it was done."""

    class Type(models.TextChoices):
        ACCESS = "access", _("see what is held")
        PORTABILITY = "portability", _("take it along")
        RECTIFICATION = "rectification", _("correct it")
        ERASURE = "erasure", _("erase it")
        OBJECTION = "objection", _("object to marketing")
        RESTRICTION = "restriction", _("stop using it, keep it")

    class State(models.TextChoices):
        UNPROVEN = "unproven", _("waits for the person's own click")
        OPEN = "open", _("to be done")
        WORKING = "working", _("being done")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        LAPSED = "lapsed", _("never proven")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Lets go of the person when they are erased; the number stays, as it does in the ledger.
    customer = models.ForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="privacy_requests",
        verbose_name=_("customer"),
    )
    customer_number = models.BigIntegerField(_("customer's number"))
    type = models.CharField(_("type"), max_length=15, choices=Type)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UNPROVEN)
    source = models.CharField(_("came by"), max_length=50)
    # Sealed under the person's key: what is to be corrected, and the new words.
    sealed = models.BinaryField(_("sealed details"), default=bytes, blank=True)
    token_hash = models.CharField(_("token hash"), max_length=64, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    proven_at = models.DateTimeField(_("identity proven"), null=True, blank=True)
    proven_by = models.CharField(_("proven by"), max_length=100, blank=True)
    due_at = models.DateTimeField(_("due"))
    # One more period is allowed for hard cases, if the person is told why (GDPR 12(3)).
    extended_reason = models.CharField(_("why it takes longer"), max_length=500, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    why = models.CharField(_("why it was refused"), max_length=500, blank=True)
    # [{"store": "customers.Event", "what": "deleted", "rows": 12, "at": "…"}]; who resumes skips what stands here.
    steps = models.JSONField(_("what was done"), default=list, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("privacy request"), _("privacy requests")
        indexes = [models.Index(fields=["state", "due_at"])]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["open", "working", "done"]) | Q(proven_at__isnull=False),
                name="nothing_is_done_for_the_unproven",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} · #{self.customer_number}"


class Installation(models.Model):
    """Which installation this database is, and whether a person let it send: a restored backup or a clone may not."""

    # The same number lies in a file beside the database; where they differ, somebody restored or copied one of them.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # How many lines of the journal of erasures, withdrawals and restrictions, kept outside the database, this database has seen.
    journal_seen = models.BigIntegerField(_("lines of the journal seen"), default=0)
    held_since = models.DateTimeField(_("sending held since"), null=True, blank=True)
    held_why = models.CharField(_("why sending is held"), max_length=300, blank=True)
    released_by = models.CharField(_("released by"), max_length=150, blank=True)
    released_at = models.DateTimeField(_("released"), null=True, blank=True)
    # Noted each minute by the task that keeps up with the journal: somebody rang it, and somebody answered.
    worker_seen_at = models.DateTimeField(_("a worker was last seen"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("installation"), _("installations")

    def __str__(self) -> str:
        return str(self.id)


class Checkpoint(models.Model):
    """A signed root over the heads of all people's chains. The file outside the database is the proof; this is its copy."""

    at = models.DateTimeField(_("at"))
    people = models.BigIntegerField(_("people"))
    records = models.BigIntegerField(_("records"))
    # The newest record that it covers.
    newest_record = models.BigIntegerField(_("newest record"))
    root = models.CharField(_("Merkle root"), max_length=64)
    previous_root = models.CharField(_("previous root"), max_length=64, blank=True)
    key_id = models.CharField(_("signed with"), max_length=64)
    signature = models.CharField(_("signature"), max_length=128)

    class Meta:
        verbose_name, verbose_name_plural = _("checkpoint"), _("checkpoints")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{told_time(self.at)} · {self.root[:12]}"
