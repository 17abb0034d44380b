"""The desk's own doors: who may log in, which language it speaks, what its rooms are called."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from catalog.pages import shown
from config import roles
from config.papers import views
from config.role_table import rooms, table, told_deeds

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PlainUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only a superuser changes a superuser: whoever set their password would be one."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or not obj.is_superuser or bool(request.user.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not obj.is_superuser or bool(request.user.is_superuser))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody gives others more than they have: what stands beside the roles is a superuser's."""
        if request.user.is_superuser:
            return ()
        return ("is_superuser", "user_permissions")


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """The five roles of the platform are looked at; roles of one's own are made beside them."""

    readonly_fields = ("told_about", "told_deeds")

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        if obj is not None and roles.of(obj) is not None:
            return ("name", *self.readonly_fields)
        return ("name", "permissions")

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return (obj is None or roles.of(obj) is None) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return (obj is None or roles.of(obj) is None) and bool(super().has_delete_permission(request, obj))

    @shown(_("What it is for"))
    def told_about(self, group: Group) -> str:
        role = roles.of(group)
        return str(role.about) if role is not None else "–"

    @shown(_("What it may do"))
    def told_deeds(self, group: Group) -> str:
        """A line a page, as docs/roles.md says it."""
        found = table()
        lines = [
            (rooms()[label].opts.verbose_name_plural, ", ".join(told_deeds(by[group.name])))
            for label, by in found.items()
            if by.get(group.name)
        ]
        return format_html_join("", "<div>{}: {}</div>", lines)


def own_addresses() -> list[URLPattern]:
    paper = admin.site.admin_view(views.paper)
    return [
        path("language/", set_language, name="language"),
        path("papers/", paper, name="papers"),
        path("papers/<slug:slug>/", paper, name="paper"),
    ]


admin.site.extra_urls = own_addresses  # type: ignore[attr-defined]

for label, name in {
    "catalog": _("Catalogue"),
    "customers": _("Customers"),
    "recommender": _("Recommender"),
    "campaigns": _("Campaigns"),
}.items():
    apps.get_app_config(label).verbose_name = name
