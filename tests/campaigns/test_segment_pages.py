"""The desk's pages of segments: who may open which, what they tell whom, and how much they ask."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import segments
from campaigns.models import Segment, SegmentSize
from campaigns.segments import sampling
from tests import desk

pytestmark = pytest.mark.django_db
GERMAN = {"attribute": "country", "is": "DE"}
DEEP = {
    "all": [
        GERMAN,
        {"not": {"any": [{"did": "viewed", "within_days": 30}, {"frequency": {"gte": 9}}]}},
        {"did": "ordered", "category": "garden"},
    ]
}


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.UNFOLD = desk.short_menu()


def client_of(*codenames: str, without: tuple[str, ...] = ()) -> Client:
    """Of somebody with these rights alone; without any named, with all but those left out."""
    rights = Permission.objects.exclude(codename__in=without)
    if codenames:
        rights = rights.filter(codename__in=codenames)
    user = User.objects.create_user(f"u{User.objects.count()}", password=desk.PASSWORD, is_staff=True)
    user.user_permissions.set(rights)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada(db: None) -> Client:
    client = Client()
    client.force_login(desk.User.objects.create_superuser("ada"))
    return client


def address(name: str, *args: object) -> str:
    return reverse(f"admin:campaigns_segment_{name}", args=args)


def asked(client: Client, name: str, rule: object, **more: str) -> Any:
    return client.post(address(name), {"slug": "new", "rule": json.dumps(rule), **more})


# --- who may -----------------------------------------------------------------------------------------------------------


def test_s5_whoever_may_not_see_segments_is_answered_nothing(db: None) -> None:
    desk.people(3)
    row = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    stranger = client_of("view_campaign", "view_customer")
    for name in ("count", "estimate", "examples", "why"):
        assert asked(stranger, name, GERMAN, who="p000").status_code == 403
    assert stranger.get(address("suggest"), {"of": "segment"}).status_code == 403
    for name in ("members", "overlap", "sizes_file"):
        assert stranger.get(address(name, row.pk)).status_code == 403
    assert stranger.get(address("ready")).status_code == 403
    assert stranger.post(address("ready"), {"slug": "ready-loyal"}).status_code == 403
    assert Segment.objects.count() == 1


def test_s5_whoever_may_not_see_people_is_shown_none_and_told_in_tens(db: None) -> None:
    desk.people(63)
    row = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    viewer = client_of("view_segment")
    assert viewer.get(address("members", row.pk)).status_code == 403
    assert asked(viewer, "examples", GERMAN).status_code == 403
    assert asked(viewer, "why", GERMAN, who="p001").status_code == 403
    assert "about 60 people match now" in asked(viewer, "estimate", GERMAN).json()["html"]
    form = viewer.get(address("change", row.pk)).content.decode()
    assert "about 60 people match now" in form
    assert "p001" not in form
    assert "Why is this person" not in form
    assert "country is DE" in form
    assert "Rule as text" not in form
    assert 'id="segment-builder"' not in form, "nothing to write for whoever may not change it"
    ready = viewer.get(address("ready"), {"count": 1}).content.decode()
    assert "Make this segment" not in ready
    assert viewer.post(address("ready"), {"slug": "ready-loyal"}).status_code == 403
    assert Segment.objects.count() == 1


def test_what_is_suggested_is_what_one_may_see(db: None) -> None:
    desk.shop(3)
    viewer, all_but_products = client_of("view_segment"), client_of(without=("view_product", "view_category"))

    def found(client: Client, of: str) -> list[Any]:
        told: list[Any] = client.get(address("suggest"), {"of": of, "q": ""}).json()["found"]
        return told

    assert found(viewer, "segment") == [["germans-0", "Germans"]]
    assert found(viewer, "campaign") == found(viewer, "product") == found(viewer, "category") == []
    assert found(all_but_products, "campaign") == [["spring-0", "Spring in the garden"]]
    assert found(all_but_products, "product") == found(all_but_products, "category") == []
    assert found(viewer, "password") == []


# --- what they tell ----------------------------------------------------------------------------------------------------


def test_an_estimate_says_the_rule_in_words_and_where_it_cannot_be_read(ada: Client) -> None:
    desk.people(30)
    told = asked(ada, "estimate", DEEP).json()
    assert "none of these" in told["words"]
    assert told["path"] is None
    wrong = {"all": [GERMAN, {"did": "ordered", "times": {"gte": "x"}}]}
    told = asked(ada, "estimate", wrong).json()
    assert (told["path"], told["message"]) == ("$.all[1].times.gte", "needs a number")
    assert asked(ada, "estimate", {"segment": "new"}).json()["message"] == "“new” stands in itself"
    assert ada.post(address("estimate"), {"rule": "{"}).json()["html"].count("not JSON yet") == 1
    assert ada.get(address("estimate")).status_code == 405


def test_in_a_large_shop_an_estimate_stands_until_the_exact_count_is_there(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.people(90)
    assert "Counting exactly" not in asked(ada, "estimate", GERMAN).json()["html"]
    monkeypatch.setattr(sampling, "WHOLE", 10)
    monkeypatch.setattr(sampling.draw, "__defaults__", (60,))
    told = asked(ada, "estimate", GERMAN).json()["html"]
    assert "about 90 people match now" in told
    assert "Asked of 60 drawn by chance" in told
    assert "Counting exactly" in told
    assert "90 people match now; 60 of them" in asked(ada, "count", GERMAN).content.decode()


def test_examples_are_three_people_and_why_they_match(ada: Client) -> None:
    desk.people(9)
    told = asked(ada, "examples", GERMAN).content.decode()
    assert [name for name in ("p000", "p001", "p002", "p003") if name in told] == ["p000", "p001", "p002"]
    assert "✓ country is DE" in told


def test_why_is_answered_by_id_and_by_address(ada: Client) -> None:
    desk.people(3)
    looked = {"all": [GERMAN, {"not": {"did": "viewed"}}]}
    by_id = asked(ada, "why", looked, who="p001").content.decode()
    assert "is in." in by_id
    assert asked(ada, "why", looked, who="P001@mail.example").content.decode().count("is in.") == 1
    assert "does not allow personalization" in asked(ada, "why", looked, who="p000").content.decode()
    assert "✗ no" in asked(ada, "why", {"did": "ordered"}, who="p001").content.decode()
    assert "Nobody here goes by “zoe”" in asked(ada, "why", looked, who="zoe").content.decode()
    row = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    kept = ada.post(address("why"), {"pk": row.pk, "who": "p000"}).content.decode()
    assert "is in." in kept, "where no rule is written, the one that is kept is asked"


def test_members_and_their_reasons(ada: Client) -> None:
    desk.people(30)
    row = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    first = ada.get(address("members", row.pk))
    assert len(first.context["members"]) == 25
    rest = ada.get(address("members", row.pk), {"after": first.context["beyond"]})
    assert len(rest.context["members"]) == 5
    assert rest.context["beyond"] is None
    nobody = Segment.objects.create(slug="n", name="Nobody", rule={"attribute": "country", "is": "FR"})
    assert "Nobody matches now" in ada.get(address("members", nobody.pk)).content.decode()
    assert ada.get(address("members", row.pk), {"after": "x"}).status_code == 200
    assert ada.get(address("members", 999)).status_code == 404


def test_n1_an_overlap_is_told_in_tens_to_everybody(ada: Client) -> None:
    desk.people(63)
    german = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    some = Segment.objects.create(slug="s", name="Some", rule={"attribute": "id", "contains": "p00"})
    told = ada.get(address("overlap", german.pk), {"with": some.pk}).content.decode()
    assert "about 50" in told
    assert told.count("fewer than 20") == 2
    assert "53" not in told.split("desk-waterfall")[1].split("</table>")[0]


def test_sizes_stand_on_the_form_and_in_a_file(ada: Client) -> None:
    row = Segment.objects.create(slug="g", name="=Germans", rule=GERMAN)
    assert "from tomorrow on its line stands here" in ada.get(address("change", row.pk)).content.decode()
    today = timezone.localdate()
    for days, people in ((2, 120), (1, None), (0, 140)):
        row.sizes.create(day=today - timedelta(days=days), people=people, reachable=people)
    form = ada.get(address("change", row.pk)).content.decode()
    assert "desk-chart" in form
    assert "≈ 140" in form
    Segment.objects.create(slug="o", name="Others", rule=GERMAN).sizes.create(day=today, people=990)
    every_day = reverse("admin:campaigns_segmentsize_changelist") + f"?segment__id__exact={row.pk}"
    assert f'href="{every_day}"' in form
    listed = ada.get(every_day).context["cl"]
    assert [size.people for size in listed.queryset] == [140, None, 120]
    lines = ada.get(address("sizes_file", row.pk)).content.decode().splitlines()
    assert lines[0] == "day,people,reachable_by_email"
    assert [line.split(",")[1] for line in lines[1:]] == ["120", "", "140"]


def test_a_ready_made_segment_is_made_once_and_then_linked(ada: Client) -> None:
    assert "Make this segment" in ada.get(address("ready")).content.decode()
    assert not Segment.objects.exists(), "looking makes nothing"
    ada.post(address("ready"), {"slug": "ready-loyal"})
    row = Segment.objects.get(slug="ready-loyal")
    assert LogEntry.objects.filter(action_flag=ADDITION, object_id=str(row.pk)).count() == 1
    ada.post(address("ready"), {"slug": "ready-loyal"})
    assert Segment.objects.count() == 1
    assert address("change", row.pk) in ada.get(address("ready")).content.decode()
    ada.post(address("ready"), {"slug": "ready-nothing"})
    assert Segment.objects.count() == 1


def test_the_list_says_the_rule_in_words_and_the_newest_size(ada: Client) -> None:
    row = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    Segment.objects.create(slug="odd", name="Odd", rule={"no": "rule"})
    SegmentSize.objects.create(segment=row, day=timezone.localdate(), people=130)
    told = ada.get(address("changelist")).content.decode()
    assert "country is DE" in told
    assert "≈ 130" in told
    assert "cannot be read yet" in told


# --- how much they ask -------------------------------------------------------------------------------------------------


def queries(client: Client, url: str) -> int:
    client.get(url)  # whatever is loaded once
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_pages_ask_little_and_no_more_of_many(ada: Client) -> None:
    desk.people(30)
    row = Segment.objects.create(slug="deep", name="Deep", rule=DEEP)
    other = Segment.objects.create(slug="g", name="Germans", rule=GERMAN)
    pages = {
        "changelist": (address("changelist"), 10),
        "change": (address("change", row.pk), 14),
        "add": (address("add"), 4),
        "members": (address("members", other.pk), 13),  # PostgreSQL's own estimate is one
        "overlap": (address("overlap", row.pk) + f"?with={other.pk}", 10),
        "ready": (address("ready") + "?count=1", 12),
    }
    few = {name: queries(ada, url) for name, (url, _most) in pages.items()}
    for n in range(40):
        Segment.objects.create(slug=f"s{n}", name=f"S {n}", rule={"all": [DEEP, {"segment": "g"}]})
    segments.measure_due(at=timezone.now())
    desk.people(60, prefix="q")
    many = {name: queries(ada, url) for name, (url, _most) in pages.items()}
    assert {name: n for name, n in few.items() if n > pages[name][1]} == {}
    # A list that names segments looks their names up, once.
    assert {name: n for name, n in many.items() if n > few[name] + (name == "changelist")} == {}
