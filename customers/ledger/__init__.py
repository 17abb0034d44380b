"""The append-only record of what people answered: one hash chain a person.

A record's hash covers its own fields and the hash before it, so a changed, removed, inserted or swapped row is
found. Nothing personal is hashed in the plain: `commitment` is a keyed hash under the person's own key and says
nothing once that key is destroyed, while the chain stays valid.
"""

from customers.ledger.records import GENESIS, Entry, append, length, record_hash
from customers.ledger.verifying import Chain, Fault, Verification, verify

__all__ = [
    "GENESIS",
    "Chain",
    "Entry",
    "Fault",
    "Verification",
    "append",
    "length",
    "record_hash",
    "verify",
]
