"""The desk's pages of offers, pools and placements do what the API does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import codes
from campaigns.models import Code, CodeBatch, Decision, Offer, OfferCap, Placement
from tests import desk

PLACE = {
    "name": "Home", "slug": "home", "channel": "onsite", "slots": "2", "ranking": "priority", "success": "ordered",
    "explore_percent": "5", "formula": "[]",
}  # fmt: skip


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page(row: object, name: str, kind: str = "offer") -> str:
    return reverse(f"admin:campaigns_{kind}_{name}", args=[row.pk])  # type: ignore[attr-defined]


def as_form(row: Offer, **more: object) -> dict[str, object]:
    """What the browser sends of an offer's form, with its inline rows."""
    said = {
        "title": row.title, "slug": row.slug, "benefit": row.benefit, "value": row.value, "currency": row.currency,
        "minimum_amount": 0, "priority": 0, "used_percent": 100, "code_kind": row.code_kind, "code_valid_days": 30,
        "max_per_customer": 1, "eligibility": "null", "caps-TOTAL_FORMS": 0, "caps-INITIAL_FORMS": 0,
    }  # fmt: skip
    return {**said, **more}


def test_an_offer_is_changed_by_its_form_and_what_is_counted_stays(client) -> None:
    row = desk.offer()
    form = client.get(page(row, "change")).context["adminform"].form
    assert "given" not in form.fields
    cap = {"caps-TOTAL_FORMS": 1, "caps-0-event": "decided", "caps-0-scope": "total", "caps-0-most": 9}
    told = client.post(page(row, "change"), as_form(row, title="Eleven", max_total=5, **cap))
    assert told.status_code == 302, told.context["errors"]
    Offer.objects.update(given=5)
    stale = client.post(page(row, "change"), as_form(row, title="Twelve", max_total=5))
    assert stale.status_code == 302, stale.context["errors"]
    row.refresh_from_db()
    assert (row.title, row.given, row.max_total, OfferCap.objects.get().most) == ("Twelve", 5, 5, 9)


def test_an_offer_says_it_in_chinese_too_and_other_languages_stay(client) -> None:
    row = desk.offer(translations={"fr": {"title": "Dix"}})
    words = {"zh_title": "九折", "zh_description": "全场"}
    assert client.post(page(row, "change"), as_form(row, **words)).status_code == 302
    row.refresh_from_db()
    assert row.translations == {"fr": {"title": "Dix"}, "zh-hans": {"title": "九折", "description": "全场"}}
    form = client.get(page(row, "change")).context["adminform"].form
    assert (form["zh_title"].value(), form["zh_description"].value()) == ("九折", "全场")
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.groups.set(Group.objects.filter(name="Viewer"))
    looking = Client()
    looking.force_login(viewer)
    assert "九折" in looking.get(page(row, "change")).content.decode()
    assert client.post(page(row, "change"), as_form(row)).status_code == 302
    row.refresh_from_db()
    assert row.translations == {"fr": {"title": "Dix"}}


def test_an_offer_that_makes_no_sense_is_refused_at_its_field(client) -> None:
    row = desk.offer(given=7)
    for said, field in (
        ({"max_total": 6}, "max_total"),
        ({"eligibility": '{"attribute": "shoe"}'}, "eligibility"),
        ({"benefit": "amount", "currency": ""}, "currency"),
    ):
        told = client.post(page(row, "change"), as_form(row, **said))
        assert list(told.context["adminform"].form.errors) == [field]
    row.refresh_from_db()
    assert (row.max_total, row.eligibility, row.benefit) == (None, None, "percent")


def test_codes_are_made_checked_and_brought_in(client) -> None:
    row = desk.offer(code_kind="pool")
    pool = page(row, "pool")
    assert pool in client.get(page(row, "change")).content.decode()
    assert client.post(pool, {"do": "generate", "count": "12"}).status_code == 302
    assert (Code.objects.count(), CodeBatch.objects.get().created_by) == (12, "marta")

    def upload(do: str, text: str, **more: str):
        return client.post(pool, {"do": do, "file": SimpleUploadedFile("c.csv", text.encode()), **more})

    assert "The file is fine: 2 codes." in upload("check", "A-1\nA-2\n").content.decode()
    assert Code.objects.count() == 12
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    assert upload("import", "A-1\nA-2\n", expires_on=tomorrow.isoformat()).status_code == 302
    assert Code.objects.get(value="A-1").expires_at.date() == tomorrow
    for told, why in (
        (upload("import", "A-2\n"), "Line 1: A-2 is known already"),
        (upload("import", "A-3\n", expires_on="2020-01-01"), "That day is over."),
        (client.post(pool, {"do": "generate", "count": "0"}), "Say how many"),
        (client.post(pool, {"do": "import"}), "Choose a file."),
        (client.post(pool, {"do": "import", "file": SimpleUploadedFile("c", b"\xff")}), "not UTF-8"),
    ):
        assert why in told.content.decode()
    assert Code.objects.count() == 14
    plain = desk.offer(1)
    assert page(plain, "pool") not in client.get(page(plain, "change")).content.decode()


def test_a_pool_that_runs_low_says_so(client) -> None:
    row = desk.offer(code_kind="pool", low_stock_at=20)
    assert "Until then nobody gets this offer." in client.get(page(row, "change")).content.decode()
    codes.generate(row, 17, by="marta", at=timezone.now())
    codes.assign(row, [one.pk for one in desk.people(7)], at=timezone.now())
    told = client.get(page(row, "change")).content.decode()
    assert "Running low. 10 codes are left. Fewer than 20 were given out in the last seven days." in told
    assert "10, running low" in client.get(reverse("admin:campaigns_offer_changelist")).content.decode()


def test_n1_the_codes_left_in_a_pool_do_not_tell_how_many_were_given(client) -> None:
    row = desk.offer(code_kind="pool", low_stock_at=20, given=7)
    batch = codes.generate(row, 100, by="marta", at=timezone.now())
    codes.assign(row, [one.pk for one in desk.people(7)], at=timezone.now())
    # 100 were made: of 93 that are left it is told that they are 81 at the least.
    assert "≥ 81 codes are left" in client.get(page(row, "change")).content.decode()
    assert "≥ 81" in client.get(reverse("admin:campaigns_offer_changelist")).content.decode()
    address = reverse("admin:campaigns_codebatch_change", args=[batch.pk])
    (stand,) = client.get(address).context["sections"]
    assert [n for _state, n in stand.rows] == ["too few to show", "too few to show"]


def test_a_code_that_went_round_is_marked(client) -> None:
    owner, other = desk.people(2)
    code = codes.assign(desk.offer(), [owner.pk], at=timezone.now())[owner.pk]
    code.misuses.create(kind="refused", order_id="o", customer=other, at=timezone.now())
    told = client.get(reverse("admin:campaigns_code_changelist")).content.decode()
    assert "1 order of someone else" in told
    told = client.get(reverse("admin:campaigns_codemisuse_changelist")).content.decode()
    assert str(owner) in told
    assert str(other) in told


def test_a_placement_is_described_and_a_wrong_formula_is_told_where(client) -> None:
    add = reverse("admin:campaigns_placement_add")
    wrong = client.post(add, {**PLACE, "ranking": "formula", "formula": '[{"value": {"fits": 1}}]'})
    assert "At $[0].value" in str(wrong.context["adminform"].form.errors["formula"])
    coded = desk.offer()
    wrong = client.post(add, {**PLACE, "fallback": coded.pk})
    assert list(wrong.context["adminform"].form.errors) == ["fallback"]
    assert Placement.objects.count() == 0
    assert client.post(add, PLACE).status_code == 302
    row = Placement.objects.get()
    assert (row.slots, row.explore_percent, row.formula) == (2, 5, [])
    told = client.get(page(row, "change", "placement")).content.decode()
    assert "This order learns nothing." in told


def test_shares_are_shown_over_time(client) -> None:
    row = Placement.objects.create(slug="home", name="Home", ranking="bandit")
    assert "Nothing yet" in client.get(page(row, "change", "placement")).content.decode()
    for n, share in enumerate((0.5, 0.75)):
        arms = {"a": {"people": 1200, "successes": 9, "share": share}}
        row.states.create(at=timezone.now() + timedelta(hours=n), method="bandit", arms=arms)
    told = client.get(page(row, "change", "placement")).content.decode()
    assert told.index("75.0%") < told.index("50.0%")
    assert "1,200" in told


def test_another_order_is_tried_without_changing_anything(client) -> None:
    ten, five = desk.offer(), desk.offer(1, value=Decimal(5))
    row = Placement.objects.create(slug="home", name="Home", explore_percent=50)
    another = page(row, "another", "placement")
    assert "Try it" in client.get(another).content.decode()
    assert "Nothing was decided there" in client.post(another, {"ranking": "priority"}).content.decode()
    then = timezone.now() - timedelta(days=9)
    people = desk.people(200)
    Decision.objects.bulk_create(
        Decision(
            customer=one, placement="home", offer=ten if n % 4 else five, purpose="personalization", basis="default",
            decided_at=then, propensity=0.75 if n % 4 else 0.25, candidates=[
                {"offer": ten.slug, "verdict": "chosen" if n % 4 else "eligible", "score": 0.1, "fit": 1, "chance": 0.75},
                {"offer": five.slug, "verdict": "eligible" if n % 4 else "chosen", "score": 0.05, "fit": 1, "chance": 0.25},
            ],
        )
        for n, one in enumerate(people)
    )  # fmt: skip
    told = client.post(another, {"ranking": "priority", "reward": "success"}).content.decode()
    assert "The log cannot tell it from what was." in told
    assert "200 decisions were replayed" in told
    formula = {"ranking": "formula", "formula": '[{"value": {"priority": 1}}]', "reward": "value"}
    assert "As tried, doubly robust" in client.post(another, formula).content.decode()
    wrong = client.post(another, {**formula, "formula": '[{"value": "high"}]'}).content.decode()
    assert "At $[0].value" in wrong
    assert "is not JSON" in client.post(another, {**formula, "formula": "{"}).content.decode()
    row.refresh_from_db()
    assert (row.ranking, row.formula) == ("priority", [])
