"""`check --deploy` says what keeps this installation from sending marketing mail."""

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
