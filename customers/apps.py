from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db import connections
from django.db.models.signals import post_migrate  # noqa: TID251 - nothing goes up: a migration's own last step


class CustomersConfig(AppConfig):
    name = "customers"

    def ready(self) -> None:
        """A key that cannot be read stops the start, not the first customer."""
        from customers import encryption, reindexing  # noqa: PLC0415 - models are not loaded before this

        encryption.master_keys()
        encryption.index_keys()
        register(reindexing.check, Tags.security, deploy=True)
        post_migrate.connect(_put_policies, sender=self)


def _put_policies(using: str, **_kwargs: Any) -> None:
    """As the permissions are: after every migration, and when a test has emptied the database."""
    from customers import purposes  # noqa: PLC0415 - models are not loaded before this
    from customers.models import PolicyVersion  # noqa: PLC0415

    if using == "default" and PolicyVersion._meta.db_table in connections[using].introspection.table_names():  # noqa: SLF001
        purposes.put_policies()
