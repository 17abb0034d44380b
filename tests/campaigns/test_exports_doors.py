"""The doors to exports: the API, and the desk's page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import exports
from campaigns.exports import asking, working
from campaigns.models import Export
from customers.access import create_key
from customers.models import Customer
from tests import desk
from tests.campaigns.test_exports import some
from tests.conftest import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files_of_its_own(settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def analyst(client: Client) -> Caller:
    return Caller(client, create_key("secret", scopes=["exports:read", "exports:write"])[1])


@pytest.fixture
def orders(anna: Customer, products) -> None:
    some(anna, products["rose"], 3)


def test_the_sets_are_told_with_what_each_column_means(analyst: Caller) -> None:
    answer = analyst("GET", "exports")
    assert answer.status == 200
    sets = {one["name"]: one for one in answer.body["sets"]}
    assert list(sets) == list(exports.DATASETS)
    assert sets["prices"]["columns"][1] == {
        "name": "price", "type": "decimal(12,2)", "about": "what it cost from then on",
    }  # fmt: skip
    assert (sets["orders"]["holds_people"], sets["orders"]["time"]) == (True, "occurred_at")


def test_an_export_is_asked_for_written_and_fetched(orders: None, analyst: Caller, client: Client) -> None:
    asked = analyst("POST", "exports", {"set": "orders", "since": "2026-01-01T00:00:00Z"})
    assert (asked.status, asked.body["state"], asked.body["download"]) == (202, "waiting", False)
    path = f"exports/{asked.body['id']}"
    early = client.get(f"/api/v1/{path}/download", headers=analyst.headers)
    assert early.status_code == 404
    exports.work_due(clock=timezone.now)
    done = analyst("GET", path).body
    assert (done["state"], done["rows"], done["download"]) == ("done", 3, True)
    file = client.get(f"/api/v1/{path}/download", headers=analyst.headers)
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.headers["Cache-Control"] == "no-store"
    assert file.headers["Content-Disposition"].startswith('attachment; filename="orders-')
    assert len(b"".join(file)) == done["size"]
    row = Export.objects.get()
    assert row.requested_by == row.downloaded_by and row.requested_by.startswith("key ")
    late = analyst("POST", f"{path}/cancel")
    assert (late.status, late.body["code"]) == (409, "ended")


@pytest.mark.parametrize(
    "body",
    [
        {"set": "passwords"},
        {},
        {"set": "orders", "format": "xlsx"},
        {"set": "members", "since": "2026-01-01T00:00:00Z"},
        {"set": "orders", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_exported_is_refused_and_not_written_down(analyst: Caller, body: dict) -> None:
    answer = analyst("POST", "exports", body)
    assert (answer.status, answer.body["code"]) == (400, "invalid")
    assert not Export.objects.exists()


def test_an_export_that_waits_is_called_off(analyst: Caller) -> None:
    asked = analyst("POST", "exports", {"set": "products", "format": "parquet"}).body
    answer = analyst("POST", f"exports/{asked['id']}/cancel")
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    assert exports.work_due(clock=timezone.now) == 0


def test_a_key_that_was_not_given_the_scope_by_name_exports_nothing(
    server: Caller, browser: Callable[[str], Caller], anna: Customer
) -> None:
    export = exports.ask("orders", form="csv", by="ana")
    for caller in (server, browser(""), browser("anna")):
        for method, path in (
            ("GET", "exports"),
            ("POST", "exports"),
            ("GET", f"exports/{export.pk}/download"),
        ):
            assert caller(method, path, {"set": "orders"} if method == "POST" else None).status == 403
    assert Export.objects.count() == 1


# --- the desk ----------------------------------------------------------------------------------------------------------


def login(role: str) -> Client:
    user = User.objects.create_user("ana", password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_the_privacy_officer_asks_fetches_and_is_written_down(orders: None) -> None:
    officer = login("Privacy officer")
    asked = officer.post(
        reverse("admin:campaigns_export_make"), {"dataset": "orders", "form": "csv.gz", "since": "2026-01-01"}
    )
    assert asked.status_code == 302
    row = Export.objects.get()
    assert (row.requested_by, row.format, f"{row.since:%F %T}") == ("ana", "csv.gz", "2026-01-01 00:00:00")
    exports.work_due(clock=timezone.now)
    page = officer.get(reverse("admin:campaigns_export_change", args=[row.pk])).content.decode()
    assert "Download" in page and "Cancel this export" not in page
    file = officer.get(reverse("admin:campaigns_export_download", args=[row.pk]))
    assert b"".join(file)[:2] == b"\x1f\x8b"
    said = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(said) == ["Asked for.", "Downloaded."]


def test_the_desk_says_why_a_span_cannot_be(db: None) -> None:
    officer = login("Privacy officer")
    page = officer.post(
        reverse("admin:campaigns_export_make"), {"dataset": "members", "form": "csv", "since": "2026-01-01"}
    )
    assert "how things are now; it takes no time" in page.content.decode()
    assert not Export.objects.exists()


def test_the_desk_calls_an_export_off(db: None) -> None:
    officer, row = login("Privacy officer"), exports.ask("orders", form="csv", by="ana")
    url = reverse("admin:campaigns_export_cancel", args=[row.pk])
    assert "No file is left" in officer.get(url).content.decode()
    row.refresh_from_db()
    assert row.state == "waiting", "looking changes nothing"
    officer.post(url)
    row.refresh_from_db()
    assert (row.state, row.cancelled_by) == ("cancelled", "ana")


def test_a_marketer_takes_no_rows_out(orders: None) -> None:
    marketer, row = login("Marketer"), exports.ask("orders", form="csv", by="ana")
    exports.work_due(clock=timezone.now)
    assert (
        marketer.post(
            reverse("admin:campaigns_export_make"), {"dataset": "orders", "form": "csv"}
        ).status_code
        == 403
    )
    assert marketer.get(reverse("admin:campaigns_export_download", args=[row.pk])).status_code == 403
    row.refresh_from_db()
    assert (Export.objects.count(), row.downloads) == (1, 0)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (asking.AGED, "已过七天保留期。"),
        (asking.LEFT, "此后可能有其中的人被删除或限制处理。"),
        (working.LEFT, "期间有人被删除或限制处理。"),
        ("5 workers died at it.", "有 5 个工作进程在处理时中断。"),
        ("OSError", "因错误中止：OSError。"),
        ("", "–"),
    ],
)
def test_why_there_is_no_file_is_told_in_the_readers_language_and_kept_in_one(
    db: None, kept: str, told: str
) -> None:
    row = Export.objects.create(dataset="orders", state="failed", requested_by="ana", why=kept)
    client = Client()
    client.force_login(desk.staff())
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    page = client.get(reverse("admin:campaigns_export_change", args=[row.pk]))
    assert told in page.content.decode()
    assert Export.objects.get(pk=row.pk).why == kept
