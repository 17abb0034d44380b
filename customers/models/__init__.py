"""Who people are, what they did, what they allow: the facts."""

from customers.models.access import ApiKey, IdempotentReply
from customers.models.consent import ConsentRecord, ConsentState, Notice, PendingConsent
from customers.models.customer import Customer, Identity, PersonKey, Suppression
from customers.models.event import Event
from customers.models.imports import ImportRun

__all__ = [
    "ApiKey",
    "ConsentRecord",
    "ConsentState",
    "Customer",
    "Event",
    "IdempotentReply",
    "Identity",
    "ImportRun",
    "Notice",
    "PendingConsent",
    "PersonKey",
    "Suppression",
]
