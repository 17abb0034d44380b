"""What the desk keeps about itself: what was changed on it, lists under a name, and ways in for who lost their phone."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RecoveryCode(models.Model):
    """Opens the desk once, in place of a code of the phone. Only its hash is held: it is shown when it is made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(_("hash"), max_length=64)
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="a_recovery_code_is_held_once")
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Change(models.Model):
    """Somebody did something on the desk or by a key: who, when, to what, and each field before and after.

    Rows are only added; the database refuses to change one, and to delete one that is not old enough. Names in place of
    foreign keys: the record outlives what it tells of. It quotes no person: of a row about people it holds the number
    and the names of fields (see `config.changes`).
    """

    class Deed(models.TextChoices):
        ADDED = "added", _("added it")
        CHANGED = "changed", _("changed it")
        DELETED = "deleted", _("deleted it")
        DID = "did", _("took a step")
        TOOK_OUT = "took_out", _("took a file out")
        LOGGED_IN = "logged_in", _("logged in")
        LOGGED_OUT = "logged_out", _("logged out")
        REFUSED = "refused", _("was refused")

    class Door(models.TextChoices):
        DESK = "desk", _("desk")
        API = "api", _("API key")

    # As other staff records, see docs/operations.md; the database's own trigger knows the same number of days.
    kept_for: ClassVar = ("at", timedelta(days=1096), _("for so long somebody may ask who did it"))

    at = models.DateTimeField(_("at"))
    door = models.CharField(_("by way of"), max_length=8, choices=Door.choices)
    who = models.CharField(_("who did it"), max_length=150)
    deed = models.CharField(_("deed"), max_length=12, choices=Deed.choices)
    model = models.CharField(_("kind"), max_length=80, blank=True)
    object_id = models.CharField(_("number"), max_length=64, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    words = models.CharField(_("in words"), max_length=500, blank=True)
    fields = models.JSONField(_("before and after"), default=dict, blank=True)

    class Meta:
        verbose_name = _("entry of the audit log")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["model", "object_id", "-id"], name="changes_of_one_thing"),
            models.Index(fields=["who", "-id"], name="changes_by_one_person"),
            models.Index(fields=["at"], name="changes_by_time"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class SavedView(models.Model):
    """A list's filters, search and order under a name: one's own, or for everybody of a role."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    model = models.CharField(_("list"), max_length=80)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filters, search and order"), max_length=2000, blank=True)
    role = models.ForeignKey(
        Group,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="saved_views",
        verbose_name=_("shared with"),
    )
    is_default = models.BooleanField(_("opens first"), default=False)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "model", "name"], name="a_view_of_a_list_has_its_own_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "model"], condition=Q(is_default=True), name="one_view_of_a_list_opens_first"
            ),
        ]

    def __str__(self) -> str:
        return self.name
