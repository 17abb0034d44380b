import json

import pytest
from django.core.management import call_command

from customers.models import Customer
from tests.conftest import person


@pytest.mark.django_db
def test_the_table_counts_yes_no_and_what_the_law_says(
    anna: Customer, boris: Customer, clara: Customer, capsys: pytest.CaptureFixture[str]
) -> None:
    person("dora", country="US")
    call_command("consents", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["people"], told["known"]) == (4, 4)
    rows = {row["purpose"]: row for row in told["purposes"]}
    assert rows["analytics"] == {
        "purpose": "analytics",
        "allowed": 2,  # Anna by her yes, Dora by the law of California
        "said_yes": 1,
        "by_default": 1,
        "said_no": 1,  # Clara
    }
    assert rows["partner_sharing"]["allowed"] == 1
    call_command("consents")
    assert "4 people" in capsys.readouterr().out
