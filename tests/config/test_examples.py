"""The document's examples: every operation has them, they fit, and what they ask gets what they promise."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from campaigns import codes, exports
from campaigns.messages import default_message
from campaigns.models import Message, Offer
from config import examples
from config.examples import METHODS
from customers import request_work, requests
from customers.access import SCOPES, create_key
from customers.models import Customer
from recommender.models import ModelVersion
from tests.campaigns.conftest import Sink, sink  # noqa: F401 - a fixture
from tests.conftest import Answer, Caller

# The examples tell of these days.
NOW = "2026-11-25T13:10:00Z"
# What an earlier answer gave out, and later addresses name behind this word.
HANDED_ON = {
    "consents": ("record_consent", "record"),
    "training-runs": ("start_training", "id"),
    "privacy-requests": ("create_privacy_request", "id"),
    "webhooks": ("create_webhook", "id"),
    "exports": ("create_export", "id"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        said["operationId"]: (method, path, said)
        for path, methods in document["paths"].items()
        for method, said in methods.items()
        if method in METHODS
    }


def contents(part: dict[str, Any]) -> list[dict[str, Any]]:
    """What is JSON of it; a file shows for itself what it holds."""
    return [said for kind, said in part.get("content", {}).items() if kind == "application/json"]


def answers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        content
        for code, said in operation["responses"].items()
        if code[0] == "2"
        for content in contents(said)
    ]


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": document["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [
        f"{'/'.join(map(str, fault.path))}: {fault.message[:200]}" for fault in checker.iter_errors(value)
    ]


def test_every_operation_has_an_example_of_its_question_and_its_answer(document: dict[str, Any]) -> None:
    known = operations(document)
    assert set(examples.all_of_them()) == set(known)
    for name, (method, _path, said) in known.items():
        assert method != "get" or "requestBody" not in said, name
        every = contents(said.get("requestBody", {})) + answers(said)
        assert all("example" in content for content in every), name
        for parameter in said.get("parameters", ()):
            assert "example" in parameter or parameter["in"] != "path", (name, parameter["name"])
        assert said["summary"] and said["tags"], name


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    wrong, seen = [], 0
    errors = [content for said in document["components"]["responses"].values() for content in contents(said)]
    every = {"errors": errors} | {
        name: contents(said.get("requestBody", {})) + answers(said)
        for name, (_method, _path, said) in operations(document).items()
    }
    for name, found in every.items():
        for content in found:
            seen += 1
            wrong += [f"{name}: {fault}" for fault in faults(document, content["schema"], content["example"])]
    assert wrong == []
    assert seen > 80


def test_every_error_has_the_one_shape_and_its_example_says_when(document: dict[str, Any]) -> None:
    for name, (_method, _path, said) in operations(document).items():
        refusals = {code: answer for code, answer in said["responses"].items() if code[0] != "2"}
        assert {"400", "401", "403", "404", "429"} <= set(refusals), name
        assert all(
            answer == {"$ref": f"#/components/responses/Error{code}"} for code, answer in refusals.items()
        )


# --- the walk ----------------------------------------------------------------------------------------------------


def bring_codes() -> None:
    given = io.StringIO("TEA-Z8929-H9AAR\n")
    codes.import_file(
        Offer.objects.get(slug="tea-week"), given, name="codes.csv", by="tests", at=timezone.now(), expires_at=None
    )  # fmt: skip


def make_message() -> None:
    Message.objects.create(slug="hello", **default_message())


def employ_marta() -> None:
    User.objects.create_user("marta", email="marta@shop.example", is_staff=True)


def learn() -> None:
    ModelVersion.objects.create(
        task="sentiment", algorithm="sentiment", state="live", file="x.npz", sha256="0" * 64, people=9,
        interactions=90, trained_until=timezone.now(), metrics={"auc": 0.9},
    )  # fmt: skip


def make_the_copy() -> None:
    """What the person does by a click in the mail, and the worker after it."""
    anna = Customer.objects.get(external_id="anna")
    requests.ask(anna, "access", source="tests", at=timezone.now(), proven_by=requests.BY_PAGE)
    request_work.work_due(at=timezone.now())


def show_offers(server: Caller) -> None:
    body = {**(examples.all_of_them()["create_campaign"].body or {}), "slug": "shop", "channel": "onsite"}
    said = {**body, "placement": "home", "control_percent": "0", "message": None}
    assert server("POST", "campaigns", said).status == 201
    for step in ("approve", "launch"):
        done = server("POST", f"campaigns/shop/{step}")
        assert done.status == 200, done.body


def write_the_file(server: Caller, told: dict[str, Answer]) -> None:
    """The last one was called off: another is asked for, and the worker writes it."""
    told["create_export"] = server("POST", "exports", examples.all_of_them()["create_export"].body)
    exports.work_due(clock=timezone.now)


# What a shop's marketer, staff and customers do meanwhile, before the operation of that name.
MEANWHILE: dict[str, Callable[[], None]] = {
    "change_offer_definition": bring_codes,
    "create_campaign": make_message,
    "test_campaign": employ_marta,
    "list_models": learn,
    "download_privacy_copy": make_the_copy,
}


def walk(document: dict[str, Any], server: Caller) -> dict[str, Answer]:
    """Ask everything, in order; what each answered."""
    known, told = operations(document), dict[str, Answer]()
    for name, example in examples.all_of_them().items():
        MEANWHILE.get(name, lambda: None)()
        if name == "get_offers":
            show_offers(server)
        if name == "download_export":
            write_the_file(server, told)
        method, path, _said = known[name]
        places = dict(example.path)
        for word, place in re.findall(r"([\w-]+)/\{(\w+)\}", path):
            if word in HANDED_ON:
                earlier, field = HANDED_ON[word]
                places[place] = told[earlier].body[field]
        query = {key: str(value).lower() if value is True else value for key, value in example.query.items()}
        address = f"{path.format(**places)}?{urlencode(query)}".removeprefix("/api/v1/")
        told[name] = asked(server, method.upper(), address, example.body)
    return told


def asked(server: Caller, method: str, address: str, body: Any) -> Answer:
    if not address.split("?")[0].endswith("/download"):
        return server(method, address, body)
    response = server.client.get(f"/api/v1/{address}", headers=server.headers)
    return Answer(response.status_code, b"".join(response), response.headers)


@pytest.fixture
def told(
    document: dict[str, Any], client: Client, db: None, sink: Sink, settings, tmp_path: Path  # noqa: F811
) -> dict[str, Answer]:  # fmt: skip
    settings.VAR_DIR = tmp_path
    with time_machine.travel(NOW, tick=True):
        return walk(document, Caller(client, create_key("secret", scopes=SCOPES)[1]))


@pytest.mark.django_db
def test_every_example_asked_of_the_real_api_gets_what_the_document_promises(
    document: dict[str, Any], told: dict[str, Answer]
) -> None:
    for name, (_method, _path, said) in operations(document).items():
        answer = told[name]
        assert str(answer.status) in said["responses"] and answer.status < 300, (name, answer)
        for content in contents(said["responses"][str(answer.status)]):
            assert faults(document, content["schema"], answer.body) == [], name
            assert keys(examples.all_of_them()[name].answer) == keys(answer.body), (
                f"{name} shows something else"
            )


def keys(value: Any) -> list[str]:
    """The names on top, or of the first of a list."""
    first = value[0] if isinstance(value, list) and value else value
    return sorted(first) if isinstance(first, dict) else []
