from django.apps import AppConfig
from django.core.checks import Tags, register


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import deployment  # noqa: PLC0415 - models are not loaded before this

        register(deployment.the_sender, Tags.security, deploy=True)
