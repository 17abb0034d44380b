"""The desk's pages of who may come in by program."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button, shown, told_time
from customers import access
from customers.models import ApiKey, IdempotentReply


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    """Keys are made by `create_key`, which shows them once; here they are seen and revoked."""

    about = _("A key lets the shop's programs in. Make one with: manage.py create_key --kind secret")
    list_display = ("label", "kind", "begins_with", "told_scopes", "created_at", "last_used_at", "revoked_at")
    list_filter = ("kind",)
    search_fields = ("label", "prefix")
    fields = (
        ("label", "kind"),
        ("begins_with", "told_scopes"),
        ("created_at", "last_used_at"),
        "revoked_at",
    )
    readonly_fields = ("begins_with", "told_scopes")
    actions_detail = ("revoke",)

    def is_useful(self, name: str, row: ApiKey) -> bool:
        return row.revoked_at is None

    @shown(_("begins with"))
    def begins_with(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @shown(_("scopes"))
    def told_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "–"

    @button(_("Revoke"), path="revoke", icon="key_off")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self.get_object(request, object_id)
        back = HttpResponseRedirect(reverse("admin:customers_apikey_changelist"))
        if key is None or key.revoked_at is not None:
            messages.info(request, gettext("This key is revoked already."))
            return back
        if request.method == "POST":
            access.revoke(key, at=timezone.now())
            self.log_change(request, key, "Revoked.")
            messages.success(request, gettext("The key “%s” is revoked: it opens nothing any more.") % key)
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Revoke the key “%s”?") % key,
            row=key,
            sentences=[
                gettext("Whoever uses it is refused from this moment on. A key cannot be brought back."),
                gettext("It was last used: %s") % told_time(key.last_used_at),
            ],
            confirm=gettext("Revoke"),
            is_grave=True,
        )


@admin.register(IdempotentReply)
class IdempotentReplyAdmin(ReadOnly):
    """The answers themselves may hold personal data and are not shown."""

    about = _(
        "What a program was answered, kept for a week so that a request sent twice acts once. The shop's programs write it by sending an Idempotency-Key."
    )

    list_display = ("key", "status", "created_at")
    search_fields = ("=key",)
    fields = ("key", "scope", "payload_sha256", ("status", "created_at"))
