"""The desk itself: the site that all its pages belong to."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import sites
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.apps import BasicAppConfig
from unfold.sites import UnfoldAdminSite


class Desk(UnfoldAdminSite):  # type: ignore[misc]
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Every room by app, worked out where it is read: each page hands it on, and was a third longer for it."""
        return SimpleLazyObject(lambda: admin.AdminSite.get_app_list(self, request, app_label))


class DeskConfig(BasicAppConfig):  # type: ignore[misc]
    """In the place of unfold's own, which would make its own site."""

    def ready(self) -> None:
        admin.site = sites.site = Desk()
