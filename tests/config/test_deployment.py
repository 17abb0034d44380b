"""`check --deploy` says what keeps this installation from sending marketing mail; how the database is connected to."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import Tags, run_checks


def told() -> list[str]:
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    return [message.msg for message in found if message.id == "tact.E001"]


@pytest.mark.once
@pytest.mark.django_db
def test_u1_a_sender_without_https_or_address_is_an_error_before_deployment(settings) -> None:
    settings.POSTAL_ADDRESS, settings.PUBLIC_URL = "1 Example Street", "https://shop.example"
    assert told() == []
    settings.POSTAL_ADDRESS, settings.PUBLIC_URL = "", "http://shop.example"
    assert [words.split()[0] for words in told()] == ["POSTAL_ADDRESS", "PUBLIC_URL"]


def connected_with(url: str) -> dict[str, Any]:
    """The connection's options, as the settings make them of the address."""
    asked = "import json; from config.settings import DATABASES as d; print(json.dumps(d['default'].get('OPTIONS')))"
    told = subprocess.run(
        [sys.executable, "-c", asked], env=os.environ | {"DATABASE_URL": url}, check=True, capture_output=True
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.mark.once
def test_postgresql_compiles_no_questions_and_keeps_the_options_of_its_address() -> None:
    assert connected_with("postgresql://x@y/z")["options"] == "-c jit=off"
    assert connected_with(
        "postgresql://x@y/z?sslmode=require&options=-c%20jit%3Don%20-c%20work_mem%3D9MB"
    ) == {
        "sslmode": "require",
        "options": "-c jit=off -c jit=on -c work_mem=9MB",
    }
    assert "options" not in connected_with("sqlite:///x")
