"""The desk's pages of people."""

from customers.admin import access, consents, notices, people, policies, rights

__all__ = ["access", "consents", "notices", "people", "policies", "rights"]
