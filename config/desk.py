"""The desk's home and its menu."""

from typing import Any

from django.http import HttpRequest


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return context


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    return []
