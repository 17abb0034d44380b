"""How the API describes itself (OpenAPI 3.1)."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


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
    """Every operation may answer the one error shape."""

    def get_tags(self) -> list[str]:
        return [self.view.__module__.partition(".")[0]]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for code in ("400", "401", "403", "404", "413", "429") if direction == "response" else ():
            if code not in bodies:
                bodies[code] = self._get_response_for_code(ErrorOutput, code)  # type: ignore[no-untyped-call]
        return bodies
