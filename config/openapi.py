"""How the API describes itself (OpenAPI 3.1): names, tags, errors, and what is the same everywhere."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from config import examples

OBJECT = "JsonObject"
_ONCE = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200},
    OpenApiParameter.HEADER,
    description="The same key on every repetition: what is asked is done once, and answered the same for seven days",
)
# An address's first word says what it is about, where that is not the word itself.
_TAGS = {
    "notices": "consents", "purposes": "consents", "rank": "recommendations", "training-runs": "models",
    "reviews": "products", "privacy-requests": "privacy",
}  # fmt: skip


class ErrorOutput(serializers.Serializer[Any]):
    """The one shape of every error."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "config.api.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A secret (sk_) or publishable (pk_) key."}


class Schema(AutoSchema):
    """Every operation stands under its subject, and may answer the one error shape."""

    def get_tags(self) -> list[str]:
        first, *rest = self.path.removeprefix("/api/v1/").split("/")
        if first == "customers" and "consents" in rest:
            return ["consents"]
        return [_TAGS.get(first, first)]

    def get_description(self) -> str:  # type: ignore[override]
        """Only what is said of the operation itself; what a view says of itself is for who reads the code."""
        return getattr(self.view, self.method.lower()).__doc__ or ""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *([_ONCE] if self.method == "POST" else [])]

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name.removesuffix('Output')}Page"

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if direction == "response":
            self.resolve_serializer(ErrorOutput, "response")
            for code in examples.errors_of(self.method, self.get_operation_id()):
                bodies.setdefault(code, {"$ref": f"#/components/responses/Error{code}"})
        return bodies


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The last hook: one answer for each error, one name for any object, and the examples."""
    schemas = result["components"]["schemas"]
    schemas[OBJECT] = {"type": "object", "additionalProperties": {}, "description": "An object with any keys"}
    result["components"]["responses"] = examples.error_answers()
    for name in [name for name in schemas if name != OBJECT]:
        schemas[name] = _plain(schemas[name])
        results = schemas[name].get("properties", {}).get("results")
        if name.endswith("Page") and results:
            schemas[name] = _page_of(results)
    events = schemas["EventsInputRequest"]["properties"]["batch"]
    events["items"] = {"anyOf": [{"$ref": "#/components/schemas/EventInputRequest"}, events["items"]]}
    renamed: dict[str, Any] = _renamed(result, _shorter(schemas))
    examples.put(renamed)
    return renamed


def _page_of(results: dict[str, Any]) -> dict[str, Any]:
    """As CursorPagination answers; its own description is of OpenAPI 3.0, where null was no type."""
    told = {
        "next": "The address of the next page; null: this is the last",
        "previous": "null: this is the first",
    }
    ends = {
        name: {"type": ["string", "null"], "format": "uri", "description": words}
        for name, words in told.items()
    }
    return {"type": "object", "required": [*ends, "results"], "properties": {**ends, "results": results}}


def _plain(part: Any) -> Any:
    """Every object of which nothing is said, by its one name: a client has one class for all of them.

    And of several shapes any may fit: an empty string is a string, too, and null is anything.
    """
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("additionalProperties") == {} and "properties" not in part:
        rest = {name: value for name, value in part.items() if name not in ("type", "additionalProperties")}
        any_object = {"$ref": f"#/components/schemas/{OBJECT}"}
        return rest | (any_object if part["type"] == "object" else {"anyOf": [any_object, {"type": "null"}]})
    named = {"anyOf" if name == "oneOf" else name: _plain(value) for name, value in part.items()}
    if {} in named.get("anyOf", ()):
        del named["anyOf"]
    return named


def _shorter(schemas: dict[str, Any]) -> dict[str, str]:
    """Of what is only ever asked, or only ever answered, the name need not say which; nor that a list of words is one."""
    short = {name: name.removesuffix("Request").removesuffix("Enum") for name in schemas}
    return {long: name for long, name in short.items() if name not in schemas}


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, list):
        return [_renamed(one, names) for one in part]
    if isinstance(part, dict):
        return {names.get(name, name): _renamed(value, names) for name, value in part.items()}
    if isinstance(part, str) and part.startswith("#/components/schemas/"):
        where, _slash, name = part.rpartition("/")
        return f"{where}/{names.get(name, name)}"
    return part
