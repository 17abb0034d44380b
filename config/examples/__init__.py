"""What the document of the API shows as examples: each operation's question and answer, from the files beside this one."""

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOM = Path(__file__).parent
# In the order in which a shop would ask: each may rest on those before it.
FILES = (
    "products", "customers", "consents", "events", "recommendations", "models", "segments", "offers", "campaigns",
    "codes", "webhooks", "exports", "privacy",
)  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


class Example(NamedTuple):
    """One operation as it may be called: what stands in its address, its query and its body; and what it answers."""

    path: dict[str, Any]
    query: dict[str, Any]
    body: dict[str, Any] | None
    answer: Any


@cache
def all_of_them() -> dict[str, Example]:
    """By the operation's id, in order."""
    return {
        name: Example(said.get("path", {}), said.get("query", {}), said.get("body"), said.get("answer"))
        for file in FILES
        for name, said in _read(file).items()
    }


def errors_of(method: str, operation: str) -> list[str]:
    """The statuses with which it may refuse."""
    return [
        code
        for code, said in _read("errors").items()
        if method in said["methods"] or operation in said.get("operations", ())
    ]


def error_answers() -> dict[str, Any]:
    """The answers that operations refer to, one a status."""
    return {
        f"Error{code}": {
            "description": said["when"],
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ErrorOutput"},
                    "example": said["answer"],
                }
            },
        }
        for code, said in _read("errors").items()
    }


def put(document: dict[str, Any]) -> None:
    """Write the examples into the document."""
    known = all_of_them()
    for methods in document["paths"].values():
        for method in METHODS:
            if method in methods and (example := known.get(methods[method]["operationId"])):
                _put(methods[method], example)


def _put(operation: dict[str, Any], example: Example) -> None:
    for parameter in operation.get("parameters", ()):
        place = {"path": example.path, "query": example.query}.get(parameter["in"], {})
        if parameter["name"] in place:
            parameter["example"] = place[parameter["name"]]
    if "requestBody" in operation and example.body is not None:
        for content in operation["requestBody"]["content"].values():
            content["example"] = example.body
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["description"] = answer["description"] or HTTPStatus(int(status)).phrase
            if json := answer.get("content", {}).get("application/json"):
                json["example"] = example.answer


@cache
def _read(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOM / f"{file}.yaml").read_text())
    return found
