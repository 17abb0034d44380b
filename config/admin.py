"""The desk's own doors: who may log in, which language it speaks, what its rooms are called."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, User
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.papers import views

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PlainUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


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
