"""The desk's own doors: who may log in, which language it speaks, what its rooms are called."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language
from django_otp.plugins.otp_totp.admin import TOTPDevice
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from catalog.pages import Page, button, shown
from config import health, roles, second_factor, shortcuts
from config.changes.admin import ChangeAdmin
from config.papers import views
from config.role_table import rooms, table, told_deeds, told_permission
from config.saved_views import views as saved_views
from config.second_factor import views as second_factor_views

__all__ = ["ChangeAdmin"]
admin.site.unregister(User)
admin.site.unregister(Group)
# Its page shows the key of anybody's phone.
admin.site.unregister(TOTPDevice)


class RoleChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return roles.told(obj)


class PermissionChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rooms and deeds by the names that the desk has for them; Django keeps its own in English."""

    def label_from_instance(self, obj: Any) -> str:
        return told_permission(obj)


class RoleFilter(admin.RelatedFieldListFilter):
    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        names = {str(group.pk): roles.told(group) for group in Group.objects.all()}
        return [(pk, names[str(pk)]) for pk, _name in super().field_choices(field, request, model_admin)]


@admin.register(User)
class UserAdmin(PlainUserAdmin, Page):  # type: ignore[misc,type-arg]
    about = _("Whoever works at the desk. Add somebody with the plus above, then give them a role.")
    list_display = ("username", "email", "told_roles", "is_active", "has_second_factor", "last_login")
    ordering = ("username",)  # type: ignore[misc]
    actions_detail = ("reset_second_factor",)
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

    def has_act_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change this person: a superuser's phone is forgotten by a superuser."""
        row = User.objects.filter(pk=object_id).first() if object_id else None
        return self.has_change_permission(request, row)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def prepare(self, rows: Any) -> None:
        self.with_phone = second_factor.with_one(row.pk for row in rows)

    @shown(_("roles"))
    def told_roles(self, user: User) -> str:
        above = [gettext("superuser")] if user.is_superuser else []
        return ", ".join([*above, *(roles.told(group) for group in user.groups.all())]) or "–"

    @shown(_("second factor"), boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return user.pk in self.with_phone

    def is_useful(self, name: str, row: User) -> bool:
        return second_factor.device_of(row) is not None

    @button(_("Reset second factor"), path="reset-second-factor", icon="phonelink_erase")
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For whoever lost phone and recovery codes: the password alone opens until they set up another."""
        user = self.get_object(request, object_id)
        if user is None or second_factor.device_of(user) is None:
            messages.info(request, gettext("They have no second factor."))
            return HttpResponseRedirect(reverse("admin:auth_user_changelist"))
        if request.method == "POST":
            second_factor.turn_off(user)
            self.log_change(request, user, "Reset the second factor.")
            messages.success(request, gettext("The second factor of %s is forgotten.") % user)
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Reset the second factor of %s?") % user,
            row=user,
            sentences=[
                gettext(
                    "Make sure that it is they who ask, by voice or face: a mail may be somebody else's."
                ),
                gettext(
                    "Their phone and recovery codes open nothing any more. Their password alone opens the desk until "
                    "they have set up another; where their role needs one they are led there at once."
                ),
            ],
            confirm=gettext("Reset"),
            is_grave=True,
        )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["form_class"] = RoleChoices
        elif db_field.name == "user_permissions":
            kwargs |= {"form_class": PermissionChoices, "queryset": Permission.objects.select_related("content_type")}  # fmt: skip
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody gives others more than they have: what stands beside the roles is a superuser's."""
        if request.user.is_superuser:
            return ()
        return ("is_superuser", "user_permissions")


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, Page):  # type: ignore[misc]
    """The five roles of the platform are looked at; roles of one's own are made beside them."""

    about = _(
        "What people may do. The five of the platform are always here; add one of your own beside them."
    )
    ordering = ("name",)  # type: ignore[misc]
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

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        if db_field.name == "permissions":
            kwargs["form_class"] = PermissionChoices
        return super().formfield_for_manytomany(db_field, request, **kwargs)

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
    own = admin.site.admin_view
    paper = own(views.paper)
    factor = second_factor_views
    return [
        path("language/", set_language, name="language"),
        path("health/", own(health.page), name="health"),
        path("papers/", paper, name="papers"),
        path("papers/<slug:slug>/", paper, name="paper"),
        path("shortcuts/", own(shortcuts.page), name="shortcuts"),
        path("views/new", own(saved_views.new), name="saved_view_new"),
        path("views/<int:pk>", own(saved_views.change), name="saved_view"),
        path("second-factor/", own(factor.mine), name="second_factor"),
        path("second-factor/code", own(factor.code), name="second_factor_code"),
        path("second-factor/set-up", own(factor.set_up), name="second_factor_set_up"),
        path("second-factor/recovery-codes", own(factor.recovery_codes), name="second_factor_recovery_codes"),
        path("second-factor/off", own(factor.off), name="second_factor_off"),
    ]


admin.site.extra_urls = own_addresses  # type: ignore[attr-defined]

for label, name in {
    "config": _("System"),
    "catalog": _("Catalogue"),
    "customers": _("Customers"),
    "recommender": _("Recommender"),
    "campaigns": _("Campaigns"),
}.items():
    apps.get_app_config(label).verbose_name = name
