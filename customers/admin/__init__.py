"""The desk's pages of people."""

from customers.admin import access, consents, people, policies, rights, sensitive

__all__ = ["access", "consents", "people", "policies", "rights", "sensitive"]
