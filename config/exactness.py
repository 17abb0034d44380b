"""What the API's description must say and the serializers do not tell it: no money without a digit, no empty list or page."""

from typing import Any

# Lists that are sent, of which each holds something; the serializers say so, and their description does not.
NOT_EMPTY = {
    "CustomersInput": "customers",
    "ProductsInput": "products",
    "ConsentsInput": "answers",
    "VisitorInput": "answers",
    "EventsInput": "batch",
    "RankInput": "skus",
    "NewWebhook": "types",
    "WebhookFields": "types",
}
MOST = 1000


def make_exact(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The last hook of the description."""
    schemas = result["components"]["schemas"]
    for name, field in NOT_EMPTY.items():
        schemas[name]["properties"][field] |= {"minItems": 1, "maxItems": MOST}
    result["paths"]["/api/v1/events"]["post"]["requestBody"]["required"] = True
    for operation in (operation for path in result["paths"].values() for operation in path.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "limit":
                parameter["schema"].setdefault("minimum", 1)
            if parameter["name"] == "Idempotency-Key":
                parameter["schema"]["pattern"] = "^[ -~]+$"
    _with_digits(result)
    return result


def _with_digits(part: Any) -> None:
    """A pattern of decimals that asks for a digit: as it is made it would take the empty text."""
    if isinstance(part, list):
        for one in part:
            _with_digits(one)
    elif isinstance(part, dict):
        if part.get("format") == "decimal" and str(part.get("pattern", "")).startswith("^-?\\d"):
            part["pattern"] = part["pattern"].replace("^", "^(?=.*\\d)", 1)
        for one in part.values():
            _with_digits(one)
