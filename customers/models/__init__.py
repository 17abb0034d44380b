"""Who people are, what they did, what they allow: the facts."""

from customers.models.access import ApiKey, IdempotentReply
from customers.models.consent import ConsentRecord, ConsentState, Notice, PendingConsent
from customers.models.contact import ContactChoice, Topic
from customers.models.customer import Customer, Identity, PersonKey, Suppression
from customers.models.event import Event
from customers.models.imports import ImportRun
from customers.models.policy import (
    FormerLaw,
    Jurisdiction,
    PolicyVersion,
    SensitiveAttribute,
    SensitiveUse,
    SilentYes,
    SoftOptIn,
)
from customers.models.rights import Checkpoint, Installation, PrivacyRequest
from customers.models.shop import ShopConnection, ShopDelivery, ShopProduct

__all__ = [
    "ApiKey",
    "Checkpoint",
    "ConsentRecord",
    "ConsentState",
    "ContactChoice",
    "Customer",
    "Event",
    "FormerLaw",
    "IdempotentReply",
    "Identity",
    "ImportRun",
    "Installation",
    "Jurisdiction",
    "Notice",
    "PendingConsent",
    "PersonKey",
    "PolicyVersion",
    "PrivacyRequest",
    "SensitiveAttribute",
    "SensitiveUse",
    "ShopConnection",
    "ShopDelivery",
    "ShopProduct",
    "SilentYes",
    "SoftOptIn",
    "Suppression",
    "Topic",
]
