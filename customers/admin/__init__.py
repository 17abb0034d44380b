"""The desk's pages of people."""

from customers.admin import (
    access,
    consents,
    import_runs,
    installation,
    law_history,
    notices,
    people,
    policies,
    proofs,
    requests,
    rights,
    sensitive,
    shops,
)

__all__ = [
    "access",
    "consents",
    "import_runs",
    "installation",
    "law_history",
    "notices",
    "people",
    "policies",
    "proofs",
    "requests",
    "rights",
    "sensitive",
    "shops",
]
