"""The marketer's things, for programs: segments and campaigns through the API, from a draft to a mail."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import delivery, planning
from campaigns.messages import default_message
from campaigns.models import Campaign, Message, Segment
from customers.access import ON_REQUEST, SCOPES, create_key
from tests.campaigns.conftest import Sink, offer, people
from tests.conftest import Caller

pytestmark = pytest.mark.django_db
EVERYONE = {"attribute": "id", "exists": True}


@pytest.fixture
def approver(client: Client, db: None) -> Caller:
    return Caller(client, create_key("secret", scopes=SCOPES)[1])


@pytest.fixture
def body(db: None) -> dict[str, Any]:
    Message.objects.create(slug="hello", **default_message())
    Segment.objects.create(slug="all", name="All", rule=EVERYONE)
    offer("ten")
    return {
        "slug": "spring",
        "name": "Spring",
        "message": "hello",
        "control_percent": "0",
        "audiences": [{"segment": "all", "offers": ["ten"]}],
    }


def test_a_segment_is_made_read_changed_and_counted(server: Caller) -> None:
    people(25, allows=("marketing_email",))
    people(5, allows=(), prefix="n")
    made = server("POST", "segments", {"slug": "all", "name": "All", "rule": EVERYONE})
    assert (made.status, made.body["rule"]) == (201, EVERYONE)
    assert server("POST", "segments", {"slug": "all", "name": "B", "rule": EVERYONE}).status == 400
    assert server("PATCH", "segments/all", {"name": "Everyone"}).body["name"] == "Everyone"
    assert [row["slug"] for row in server("GET", "segments").body["results"]] == ["all"]
    counted = server("POST", "segments/preview", {"rule": EVERYONE})
    assert (counted.status, counted.body["matched"], counted.body["exact"]) == (200, 30, True)
    assert server("GET", "segments/none").status == 404


@pytest.mark.parametrize(
    "rule", [{"attribute": "country"}, {"segment": "loop"}, {"all": [{"did": "flew"}]}, 7, None]
)
def test_a_rule_that_cannot_be_read_is_kept_nowhere(server: Caller, rule: Any) -> None:
    answer = server("POST", "segments", {"slug": "loop", "name": "Loop", "rule": rule})
    assert answer.status == 400, answer.body
    assert answer.body["code"] in ("invalid_rule", "invalid")
    assert not Segment.objects.exists()


def test_members_are_a_list_of_persons_page_by_page(server: Caller, client: Client) -> None:
    people(30)
    Segment.objects.create(slug="all", name="All", rule=EVERYONE)
    first = server("GET", "segments/all/members?limit=20").body
    assert (len(first["results"]), first["results"][0]) == (20, {"customer": "c000"})
    rest = server("GET", first["next"].partition("/api/v1/")[2]).body
    assert len(rest["results"]) == 10 and rest["next"] is None
    narrow = Caller(client, create_key("secret", scopes=["segments:read"])[1])
    assert narrow("GET", "segments/all/members").status == 403


def test_c12_a_rule_of_behaviour_lists_only_who_allows_its_use(server: Caller) -> None:
    people(3, allows=())
    rule = {"not": {"did": "ordered", "times": {"gte": 1}, "within_days": 9}}
    Segment.objects.create(slug="quiet", name="Quiet", rule=rule)
    assert server("GET", "segments/quiet/members").body["results"] == []


def test_a_campaign_from_a_draft_to_a_mail(approver: Caller, body: dict[str, Any], sink: Sink) -> None:
    people(3)
    made = approver("POST", "campaigns", body)
    assert made.status == 201
    assert made.body["audiences"] == [{"segment": "all", "offers": ["ten"]}]
    assert made.body["status"] == "draft" and made.body["created_by"].startswith("key ")
    seen = approver("POST", "campaigns/spring/preview", {"customer": "c001"}).body
    assert seen["wrong"] == "" and "<html" in seen["html"]
    assert {verdict["name"] for verdict in seen["verdicts"]} >= {"Consent", "Audience", "Offer"}
    assert approver("POST", "campaigns/spring/launch").status == 409  # not approved yet
    assert approver("POST", "campaigns/spring/approve").body == {"slug": "spring", "status": "approved"}
    assert approver("POST", "campaigns/spring/launch").body["status"] == "running"
    assert approver("POST", "campaigns/spring/pause").body["status"] == "paused"
    assert approver("POST", "campaigns/spring/resume").body["status"] == "running"
    due = Campaign.objects.get().runs.get().due_at
    planning.plan_due(at=due)
    delivery.deliver_all(clock=lambda: due)
    assert sorted(sink.recipients()) == [f"c00{n}@mail.example" for n in range(3)]
    assert approver("POST", "campaigns/spring/cancel").body["status"] == "cancelled"
    assert approver("POST", "campaigns/spring/archive").body["status"] == "archived"
    assert approver("POST", "campaigns/spring/fly").status == 404


def test_what_is_approved_stands_fast(approver: Caller, body: dict[str, Any], sink: Sink) -> None:
    people(3)
    approver("POST", "campaigns", body)
    assert (
        approver("PATCH", "campaigns/spring", {"window_days": 7, "audiences": body["audiences"]}).body[
            "window_days"
        ]
        == 7
    )
    assert approver("POST", "campaigns/spring/approve").status == 200
    answer = approver("PATCH", "campaigns/spring", {"name": "Autumn"})
    assert (answer.status, answer.body["code"]) == (409, "not_possible")
    approver("POST", "campaigns/spring/launch")
    approver("POST", "campaigns/spring/pause")
    assert approver("PATCH", "campaigns/spring", {"priority": 3}).body["priority"] == 3
    assert approver("PATCH", "campaigns/spring", {"audiences": []}).status == 409
    assert Campaign.objects.get().audiences.count() == 1


def test_s5_a_program_approves_only_where_it_was_told_to_and_never_above_the_size(
    server: Caller, approver: Caller, body: dict[str, Any], settings
) -> None:
    people(3)
    assert server("POST", "campaigns", body).status == 201
    assert server("POST", "campaigns/spring/approve").status == 403
    settings.APPROVAL_ABOVE = 2
    answer = approver("POST", "campaigns/spring/approve")
    assert (answer.status, answer.body["code"]) == (409, "not_possible")
    assert "on the desk" in answer.body["message"]
    assert Campaign.objects.get().status == "draft"


def test_s5_no_program_lets_go_on_what_was_changed_in_a_pause_above_the_size(
    approver: Caller, body: dict[str, Any], settings
) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    people(3)
    assert approver("POST", "campaigns", body).status == 201
    for step in ("approve", "launch", "pause"):
        assert approver("POST", f"campaigns/spring/{step}").status == 200
    settings.APPROVAL_ABOVE = 2
    assert approver("PATCH", "campaigns/spring", {"name": "Autumn"}).status == 200
    answer = approver("POST", "campaigns/spring/resume")
    assert (answer.status, answer.body["code"]) == (409, "not_possible")
    assert Campaign.objects.get().status == "paused"
    assert approver("PATCH", "campaigns/spring", {"name": body["name"]}).status == 200
    assert approver("POST", "campaigns/spring/resume").status == 200


def test_a_key_without_named_scopes_cannot_approve() -> None:
    row, _value = create_key("secret")
    assert set(row.scopes) == set(SCOPES) - set(ON_REQUEST)


@pytest.mark.parametrize(
    "wrong",
    [
        {"audiences": [{"segment": "none"}]},
        {"audiences": [{"segment": "all"}, {"segment": "all"}]},
        {"variants": [{"key": "a", "message": "hello"}, {"key": "a", "message": "hello"}]},
        {"control_percent": "100"},
        {"message": "none"},
        {"slug": "a b"},
        {"starts_at": "soon"},
        {"webhook_url": "javascript:x"},
    ],
)
def test_what_is_wrong_keeps_nothing(server: Caller, body: dict[str, Any], wrong: dict[str, Any]) -> None:
    answer = server("POST", "campaigns", body | wrong)
    assert (answer.status, answer.body["code"]) == (400, "invalid"), answer.body
    assert not Campaign.objects.exists()


def test_a_test_goes_to_a_member_of_staff_alone(server: Caller, body: dict[str, Any], sink: Sink) -> None:
    User.objects.create_user("marta", email="marta@shop.example", is_staff=True)
    User.objects.create_user("eve", email="eve@mail.example")
    server("POST", "campaigns", body)
    assert server("POST", "campaigns/spring/test", {"staff": "marta"}).body == {"sent": True}
    assert server("POST", "campaigns/spring/test", {"staff": "eve"}).status == 400
    assert sink.recipients() == ["marta@shop.example"]


def test_a_test_that_the_mail_server_refuses_says_so(server: Caller, body: dict[str, Any], settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    User.objects.create_user("marta", email="marta@shop.example", is_staff=True)
    server("POST", "campaigns", body)
    answer = server("POST", "campaigns/spring/test", {"staff": "marta"})
    assert (answer.status, answer.body["code"]) == (422, "not_sent")


def test_a_list_costs_the_same_however_long(server: Caller, body: dict[str, Any]) -> None:
    counts = []
    for n in range(6):
        server("POST", "campaigns", body | {"slug": f"c{n}"})
        if n in (0, 5):
            with CaptureQueriesContext(connection) as queries:
                assert len(server("GET", "campaigns").body["results"]) == n + 1
            counts.append(len(queries))
    assert counts[0] == counts[1]
    assert datetime.fromisoformat(server("GET", "campaigns/c0").body["created_at"])
