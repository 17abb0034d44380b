"""A report for spreadsheets and programs: the same numbers, and no cell that is a formula."""

import csv
import io
import json
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from rest_framework.test import APIRequestFactory

from campaigns.models import Segment
from campaigns.reporting_api import CampaignReportView, ReportOutput
from campaigns.reports import sheets
from customers import access
from customers.models import ApiKey
from tests.campaigns.reporting import DAY, START, Built, built, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def clear(db: None) -> Built:
    """Thirty pay 20 and thirty 10: it earned 10 a person."""
    made = built(30, 30)
    paid(made.treated, "20.00", START + DAY)
    paid(made.control, "10.00", START + DAY)
    return made


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def table(made: Built, name: str) -> list[dict[str, str]]:
    return read(sheets.as_csv(sheets.sheet(made.report(), name)))


def test_the_headline_s_table_says_what_the_report_says(clear: Built) -> None:
    rows = {row["figure"]: row for row in table(clear, "headline")}
    assert rows["revenue_per_person"]["value"] == "10.0"
    assert (rows["measured_from"]["value"], rows["currency"]["value"]) == (START.isoformat(), "EUR")
    assert (rows["verdict"]["value"], rows["treated_revenue"]["value"]) == ("earned", "600.00")


def test_the_waterfall_s_table_adds_up(clear: Built) -> None:
    rows = table(clear, "waterfall")
    people = {(row["step"], row["reason"]): int(row["people"]) for row in rows}
    assert people["matched", ""] == 67
    losses = people["no_consent", "marketing_email"] + people["suppressed", "hard_bounce"]
    assert people["matched", ""] - losses - people["no_address", ""] - people["held_out", ""] == 30
    assert people["delivery", "sent"] == people["sendable", ""] == 30


def test_days_and_segments_have_a_row_each(clear: Built) -> None:
    days = table(clear, "days")
    assert (len(days), days[-1]["effect_so_far"], days[-1]["interval"]) == (14, "10.0", "fixed")
    assert days[0]["effect_so_far"] == ""
    assert [(row["segment"], row["effect"]) for row in table(clear, "segments")] == [("Everyone", "10.0")]
    assert table(clear, "variants") == []


def test_s4_no_cell_of_a_report_is_a_formula(clear: Built) -> None:
    Segment.objects.update(name='=HYPERLINK("http://x")')
    (row,) = table(clear, "segments")
    assert row["segment"] == '\'=HYPERLINK("http://x")'
    # A number below nought is a number.
    assert sheets.as_csv(iter([(-1.5, "-x", None)])) == "-1.5,'-x,\r\n"


def test_the_command_writes_a_table_to_a_file(clear: Built, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    with time_machine.travel(NOW, tick=False):
        call_command("report", "spring", "--csv", str(file), "--table", "days")
    assert len(read(file.read_text())) == 14
    with pytest.raises(CommandError, match=r"nowhere/x\.csv cannot be written: No such file"):
        call_command("report", "spring", "--csv", str(tmp_path / "nowhere" / "x.csv"))


def asked(slug: str, *scopes: str):
    value = f"sk_{ApiKey.objects.count()}"
    ApiKey.objects.create(kind="secret", prefix=value[:8], key_hash=access.hashed(value), scopes=list(scopes))
    request = APIRequestFactory().get(
        f"/api/v1/campaigns/{slug}/report", headers={"Authorization": f"Bearer {value}"}
    )
    response = CampaignReportView.as_view()(request, slug=slug)
    return response.status_code, json.loads(response.render().content)


def test_programs_get_the_whole_report_with_the_scope_for_it(clear: Built) -> None:
    with time_machine.travel(NOW, tick=False):
        status, body = asked("spring", "campaigns:read")
    assert status == 200
    assert body["effect"] == json.loads(json.dumps(clear.report().as_dict()))["effect"]
    assert body["waterfall"]["suppressed"] == {"hard_bounce": None}
    assert set(body) == set(ReportOutput().fields)
    assert (body["effect"]["verdict"], body["treated"]["revenue"]) == ("earned", "600.00")
    assert asked("spring", "offers:read")[0] == 403
    assert asked("autumn", "campaigns:read")[0] == 404
