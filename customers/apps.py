from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"

    def ready(self) -> None:
        """A master key that cannot be read stops the start, not the first customer."""
        from customers import encryption  # noqa: PLC0415 - models are not loaded before this

        encryption.master_keys()
