"""The desk's pages of people."""

from customers.admin import access, consents, people

__all__ = ["access", "consents", "people"]
