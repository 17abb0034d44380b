"""The desk itself: the site that all its pages belong to."""

from django.contrib import admin
from django.contrib.admin import sites
from unfold.apps import BasicAppConfig


class DeskConfig(BasicAppConfig):  # type: ignore[misc]
    """In the place of unfold's own, which would make its own site."""

    def ready(self) -> None:
        from config.desk_site import Desk  # noqa: PLC0415 - models are not loaded before this

        admin.site = sites.site = Desk()
