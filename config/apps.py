from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import Tags, register
from django.db import connections
from django.db.models.signals import post_migrate  # noqa: TID251 - nothing goes up: a migration's own last step


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import deployment  # noqa: PLC0415 - models are not loaded before this

        register(deployment.the_sender, Tags.security, deploy=True)
        # Only when the last app has its permissions can roles be given all of theirs.
        last = [app for app in apps.get_app_configs() if app.models_module is not None][-1]
        post_migrate.connect(_put_roles, sender=last)


def _put_roles(using: str, **_kwargs: Any) -> None:
    """As the permissions are: after every migration, and when a test has emptied the database."""
    from config import roles  # noqa: PLC0415 - models are not loaded before this

    tables = connections[using].introspection.table_names()
    if using == "default" and {"auth_group", "auth_permission"} <= set(tables):
        roles.put()
