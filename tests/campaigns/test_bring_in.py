"""Categories, offers and segments out to a file and in again: looked at, refused by line, all of it or nothing."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from campaigns.models import Offer, OfferCap, Placement, Segment
from catalog.models import Category
from config.models import Change
from tests import desk

pytestmark = [pytest.mark.django_db, pytest.mark.once]
GERMANS = {"attribute": "country", "is": "DE"}
KINDS = {"catalog_category": Category, "campaigns_offer": Offer, "campaigns_segment": Segment}


@pytest.fixture(autouse=True)
def _quickly(settings) -> None:
    settings.UNFOLD = desk.short_menu()


def member(role: str = "Marketer", name: str = "olga") -> Client:
    user = User.objects.create_user(name, password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def things() -> None:
    garden = Category.objects.create(name="Garden", slug="garden")
    roses = Category.objects.create(name="Roses, red", slug="roses", parent=garden)
    spring = Offer.objects.create(
        slug="spring", title="=Spring", benefit="percent", value=15, status="approved", eligibility=GERMANS,
        description="Two\r\nlines", translations={"zh-hans": {"title": "春天"}}, budget=Decimal("900.50"),
        starts_at=desk.timezone.now(),
    )  # fmt: skip
    spring.categories.add(garden, roses)
    place = Placement.objects.create(slug="top", name="Top", channel="onsite")
    OfferCap.objects.create(offer=spring, most=2, every_days=7, placement=place)
    OfferCap.objects.create(offer=spring, most=9, scope="total")
    Offer.objects.create(slug="plain", title="Plain", benefit="free_shipping")
    Segment.objects.create(slug="germans", name="Germans", rule=GERMANS)
    Segment.objects.create(slug="others", name="Others", rule={"not": {"segment": "germans"}})


def out(client: Client, kind: str, form: str = "csv") -> str:
    answer: Any = client.get(reverse(f"admin:{kind}_file", args=[form]))
    assert answer.status_code == 200
    return b"".join(answer).decode("utf-8-sig")


def look(client: Client, kind: str, text: str, name: str = "file.csv") -> Any:
    file = SimpleUploadedFile(name, text.encode(), "text/csv")
    answer = client.post(reverse(f"admin:{kind}_bring_in"), {"file": file})
    assert answer.status_code == 200
    return answer


def take(client: Client, kind: str, looked: Any) -> Any:
    return client.post(reverse(f"admin:{kind}_bring_in"), {"sealed": looked.context["sealed"]})


def edited(text: str, slug: str, column: str, value: str) -> str:
    """The same file with one cell changed, as a spreadsheet writes it."""
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        if row["slug"] == slug:
            row[column] = value
    told = io.StringIO()
    table = csv.DictWriter(told, list(rows[0]), delimiter=";")
    table.writeheader()
    table.writerows(rows)
    return told.getvalue()


def facts(model: Any) -> list[Any]:
    # `updated_at` moves whenever a row is written: nothing that stayed was written.
    return [
        (
            row,
            getattr(model.objects.get(pk=row["id"]), "caps", None)
            and [*OfferCap.objects.order_by("pk").values()],
        )
        for row in model.objects.order_by("pk").values()
    ]


def told(trial: Any) -> list[tuple[str, list[str]]]:
    return [(one.name, [field for field, _was, _is in one.fields]) for one in trial.changes]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_went_out_comes_in_and_changes_nothing(things, kind: str, form: str) -> None:
    client = member()
    text, before = out(client, kind, form), facts(KINDS[kind])
    looked = look(client, kind, text, f"file.{form}")
    trial = looked.context["trial"]
    assert (trial.refusals, trial.changes, trial.same) == ([], [], 2)
    assert looked.context["sealed"] == ""
    assert facts(KINDS[kind]) == before


@pytest.mark.parametrize(
    ("kind", "slug", "column", "value", "now"),
    [
        ("catalog_category", "roses", "parent", "", None),
        ("campaigns_offer", "spring", "value", "20", Decimal("20.00")),
        ("campaigns_segment", "germans", "name", "所有德国人", "所有德国人"),
    ],
)
def test_one_cell_changed_changes_exactly_one_row(things, kind, slug, column, value, now) -> None:
    client, model = member(), KINDS[kind]
    before = {row["slug"]: row for row in model.objects.values()}
    looked = look(client, kind, edited(out(client, kind), slug, column, value))
    assert told(looked.context["trial"]) == [(slug, [column])]
    assert {row["slug"]: row for row in model.objects.values()} == before
    assert take(client, kind, looked).status_code == 302
    after = {row["slug"]: row for row in model.objects.values()}
    assert [name for name in after if after[name] != before[name]] == [slug]
    differs = {name for name in after[slug] if after[slug][name] != before[slug][name]} - {"updated_at"}
    assert differs == {"parent_id" if column == "parent" else column}
    assert getattr(model.objects.get(slug=slug), column) == now
    entry = Change.objects.get(words="Brought in from a file.")
    assert (entry.who, [*entry.fields]) == ("olga", [column])


def test_an_offer_keeps_its_caps_with_what_they_count(things) -> None:
    client, ids = member(), set(OfferCap.objects.values_list("pk", flat=True))
    take(
        client,
        "campaigns_offer",
        look(client, "campaigns_offer", edited(out(client, "campaigns_offer"), "spring", "priority", "3")),
    )
    assert set(OfferCap.objects.values_list("pk", flat=True)) == ids


def test_what_is_new_is_a_draft_and_a_file_approves_nothing(things) -> None:
    client = member()
    new = 'slug,title,benefit,value,categories,caps\nautumn,Autumn,percent,10,garden,"[{""most"": 1}]"\n'
    take(client, "campaigns_offer", look(client, "campaigns_offer", new))
    autumn = Offer.objects.get(slug="autumn")
    assert (autumn.status, autumn.value, autumn.code_valid_days) == ("draft", Decimal(10), 30)
    assert [row.slug for row in autumn.categories.all()] == ["garden"]
    assert autumn.caps.get().most == 1
    for slug, status in (("autumn", "approved"), ("spring", "draft"), ("spring", "archived")):
        looked = look(client, "campaigns_offer", f"slug,status\n{slug},{status}\n")
        (refusal,) = looked.context["trial"].refusals
        assert (refusal.line, refusal.column) == (2, "status")
        assert "by hand" in refusal.why
    fresh = look(client, "campaigns_offer", "slug,title,benefit,status\nx,X,percent,approved\n")
    assert "approve it by hand" in fresh.content.decode()
    assert [*Offer.objects.order_by("slug").values_list("slug", "status")] == [
        ("autumn", "draft"), ("plain", "draft"), ("spring", "approved"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("catalog_category", {"slug": "a b", "name": "A"}, "slug"),
        ("catalog_category", {"slug": "new", "name": "Garden"}, "name"),
        ("catalog_category", {"slug": "new", "name": "New", "parent": "nowhere"}, "parent"),
        ("catalog_category", {"slug": "garden", "parent": "roses"}, "parent"),
        ("catalog_category", {"slug": "garden", "name": ""}, "name"),
        ("catalog_category", {"slug": "new"}, "name"),
        ("campaigns_offer", {"slug": "spring", "value": "101"}, "value"),
        ("campaigns_offer", {"slug": "spring", "value": "12,50"}, "value"),
        ("campaigns_offer", {"slug": "plain", "benefit": "amount"}, "currency"),
        ("campaigns_offer", {"slug": "plain", "categories": ["nothing"]}, "categories"),
        (
            "campaigns_offer",
            {"slug": "plain", "eligibility": {"attribute": "shoe size", "is": 1}},
            "eligibility",
        ),
        ("campaigns_offer", {"slug": "plain", "caps": [{"most": -1}]}, "caps"),
        ("campaigns_offer", {"slug": "plain", "caps": [{"most": 1, "placement": "no"}]}, "caps"),
        ("campaigns_segment", {"slug": "new", "name": "New", "rule": {"segment": "nobody"}}, "rule"),
        ("campaigns_segment", {"slug": "germans", "rule": {"segment": "others"}}, "rule"),
        ("campaigns_segment", {"slug": "germans", "rule": None}, "rule"),
        ("campaigns_segment", {"slug": "n\u00ebw", "name": "New", "rule": GERMANS}, "slug"),
    ],
)
def test_one_wrong_row_keeps_all_of_it_out(things, kind: str, row: dict[str, Any], column: str) -> None:
    client, before = member(), facts(KINDS[kind])
    good = {"slug": "good", "name": "Good", "title": "Good", "benefit": "percent", "rule": GERMANS}
    columns = {"catalog_category": ("slug", "name"), "campaigns_offer": ("slug", "title", "benefit")}
    first = {name: good[name] for name in columns.get(kind, ("slug", "name", "rule"))}
    looked = look(client, kind, json.dumps([first, row]), "file.json")
    assert [(one.line, one.column) for one in looked.context["trial"].refusals] == [(2, column)]
    assert looked.context["sealed"] == ""
    assert facts(KINDS[kind]) == before


def test_rows_may_name_what_stands_further_down(things) -> None:
    client = member()
    text = "slug,name,parent\nleaf,Leaf,branch\nbranch,Branch,\n"
    take(client, "catalog_category", look(client, "catalog_category", text))
    leaf = Category.objects.get(slug="leaf")
    assert leaf.parent is not None
    assert leaf.parent.slug == "branch"
    rules = [
        {"slug": "a", "name": "A", "rule": {"not": {"segment": "b"}}},
        {"slug": "b", "name": "B", "rule": GERMANS},
    ]
    take(client, "campaigns_segment", look(client, "campaigns_segment", json.dumps(rules), "file.json"))
    assert Segment.objects.filter(slug__in=["a", "b"]).count() == 2
    circle = [{"slug": "b", "rule": {"segment": "a"}}]
    looked = look(client, "campaigns_segment", json.dumps(circle), "file.json")
    assert looked.context["trial"].refusals[0].column == "rule"


def test_what_changed_since_the_look_is_looked_at_anew(things) -> None:
    client = member()
    looked = look(client, "campaigns_segment", "slug,name\ngermans,All Germans\n")
    Segment.objects.filter(slug="germans").update(name="Germany")
    again = take(client, "campaigns_segment", looked)
    assert again.status_code == 200
    assert "Something was changed since you looked" in again.content.decode()
    assert Segment.objects.get(slug="germans").name == "Germany"
    assert take(client, "campaigns_segment", again).status_code == 302
    assert Segment.objects.get(slug="germans").name == "All Germans"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("slug,shoe\nx,1\n", "Nobody knows the columns shoe"),
        ("name\nx\n", "no column “slug”"),
        ("slug,slug\nx,y\n", "twice"),
        ("slug,name\nx\n", "Line 2 has 1 columns"),
        ("slug,rule\nx,{\n", "Line 2: what stands under “rule” is no JSON"),
        ("[{]", "no JSON: see line 1, sign 3"),
        ("[1]", "no list of objects"),
        ("{}", "no list of objects"),
        ("[" * 100_000, "nested too deep"),
        ("slug\n" + "x\n" * 501, "More than 500 rows"),
        ("slug,name\nx,1\nx,2\n", "stands in this file before"),
        ("slug,name\n,1\n", "must be there"),
    ],
)
def test_what_is_no_such_file_is_told_in_words(things, text: str, why: str) -> None:
    before = facts(Segment)
    assert why in look(member(), "campaigns_segment", text).content.decode()
    assert facts(Segment) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("role", "may"),
    [("Viewer", False), ("Approver", False), ("Privacy officer", False), ("Administrator", True)],
)
def test_s5_who_writes_them_brings_them_in_and_out(things, kind: str, role: str, may: bool) -> None:
    client = member(role)
    got = [client.get(reverse(f"admin:{kind}_{name}", args=args)).status_code == 200 for name, args in (
        ("file", ["csv"]), ("bring_in", []),
    )]  # fmt: skip
    assert got == [may, may]
    assert ("bring-in" in client.get(reverse(f"admin:{kind}_changelist")).content.decode()) is may


def test_a_file_costs_as_many_queries_for_many_as_for_few(things, django_assert_max_num_queries) -> None:
    client = member()
    Offer.objects.bulk_create(Offer(slug=f"o{n}", title=f"O{n}", benefit="percent") for n in range(60))
    with django_assert_max_num_queries(20):
        assert len(out(client, "campaigns_offer").splitlines()) >= 63
    text = "slug,title\n" + "".join(f"o{n},O{n}\n" for n in range(60))
    with django_assert_max_num_queries(25):
        assert look(client, "campaigns_offer", text).context["trial"].same == 60
