"""The desk's own doors: who may log in, which language it speaks, what its rooms are called."""

from typing import Any

from django import forms
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


class RoleChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return roles.told(obj)


class RoleFilter(admin.RelatedFieldListFilter):
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        names = {str(group.pk): roles.told(group) for group in Group.objects.all()}
        return [(pk, names[str(pk)]) for pk, _name in super().field_choices(field, request, model_admin)]


@admin.register(User)
class UserAdmin(PlainUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    list_filter = ("is_staff", "is_superuser", "is_active", ("groups", RoleFilter))
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only a superuser changes a superuser: whoever set their password would be one."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or not obj.is_superuser or bool(request.user.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not obj.is_superuser or bool(request.user.is_superuser))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["form_class"] = RoleChoices
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody gives others more than they have: what stands beside the roles is a superuser's."""
        if request.user.is_superuser:
            return ()
        return ("is_superuser", "user_permissions")


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """The five roles of the platform are looked at; roles of one's own are made beside them."""

    readonly_fields = ("told_name", "told_about", "told_deeds")
    list_display = ("told_name",)

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        if obj is not None and roles.of(obj) is not None:
            return self.readonly_fields
        return ("name", "permissions")

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return (obj is None or roles.of(obj) is None) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return (obj is None or roles.of(obj) is None) and bool(super().has_delete_permission(request, obj))

    @shown(_("name"), order="name")
    def told_name(self, group: Group) -> str:
        return roles.told(group)

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
