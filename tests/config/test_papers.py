"""The officer's papers: they say what the code and the database say, and nothing about a handful of people (D6, N1)."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client
from django.utils import timezone, translation

from campaigns import figures, webhooks
from campaigns.models import Campaign
from config import papers
from config.models import Change
from config.papers import datamap, dpia, facts, lines, page, register
from customers import optin, privacy, purposes, requests, retention, tasks
from customers.models import (
    ContactChoice,
    Customer,
    IdempotentReply,
    Jurisdiction,
    PendingConsent,
    SensitiveAttribute,
    ShopConnection,
    SilentYes,
)
from customers.purposes import PURPOSES
from customers.shops import connections
from recommender.models import ModelVersion, Shown
from tests.conftest import NOW, person
from tests.customers.test_privacy import DELETED, KEPT, LET_GO

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("config", "campaigns", "recommender", "customers", "catalog")
REASONS = {*PURPOSES, *lines.BEYOND}


# --- what the code uses is registered (D6) -------------------------------------------------------------------------


@cache
def trees() -> list[tuple[str, ast.Module]]:
    paths = [path for room in APPS for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text()))
        for path in paths
        if "migrations" not in path.parts
    ]


@cache
def places() -> dict[str, int]:
    return places_of_purpose(trees())


def places_of_purpose(code: list[tuple[str, ast.Module]]) -> dict[str, int]:
    """Name of a function or class of ours → which positional argument (self not counted) is called `purpose`.

    Where two of the same name differ, the name says nothing: it is left to keywords.
    """
    found: dict[str, set[int]] = {}

    def note(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_method: bool) -> None:
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        names = names[1:] if is_method and names[:1] in (["self"], ["cls"]) else names
        if "purpose" in names:
            found.setdefault(name, set()).add(names.index("purpose"))

    for _path, tree in code:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                fields = [
                    f.target.id
                    for f in node.body
                    if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)
                ]
                is_data = any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)
                if is_data and "purpose" in fields:
                    found.setdefault(node.name, set()).add(fields.index("purpose"))
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        note(node.name if inner.name == "__init__" else inner.name, inner, is_method=True)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                note(node.name, node, is_method=False)
    return {name: indexes.pop() for name, indexes in found.items() if len(indexes) == 1}


def texts(node: ast.AST | None) -> Iterator[str]:
    """The literal texts of an expression: itself, or what stands in its list, tuple or set, or in either branch."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for inner in node.elts:
            yield from texts(inner)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def is_purpose(node: ast.AST) -> bool:
    """`purpose`, `PURPOSE`, `row.purpose`, `row["purpose"]`."""
    if isinstance(node, ast.Subscript):
        return list(texts(node.slice)) == ["purpose"]
    return (isinstance(node, ast.Name) and node.id in ("purpose", "PURPOSE")) or (
        isinstance(node, ast.Attribute) and node.attr == "purpose"
    )


def named_in(tree: ast.Module, places: dict[str, int]) -> Iterator[str]:
    """Every literal that a file uses as a purpose."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for word in node.keywords:
                if word.arg in ("purpose", "purpose__in"):
                    yield from texts(word.value)
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if (place := places.get(name)) is not None and len(node.args) > place:
                yield from texts(node.args[place])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            spec = node.args
            yield from (
                text
                for argument, default in [
                    *zip(reversed([*spec.posonlyargs, *spec.args]), reversed(spec.defaults), strict=False),
                    *zip(spec.kwonlyargs, spec.kw_defaults, strict=True),
                ]
                if argument.arg == "purpose"
                for text in texts(default)
            )
        elif isinstance(node, ast.Compare) and (
            is_purpose(node.left) or any(map(is_purpose, node.comparators))
        ):
            for side in (node.left, *node.comparators):
                yield from texts(side)
        elif isinstance(node, ast.Assign) and any(map(is_purpose, node.targets)):
            yield from texts(node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None and list(texts(key)) == ["purpose"]:
                    yield from texts(value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\bpurpose = '(\w+)'", node.value)


# The narrow ways out that need no leave, because they answer the person or go to staff, and cannot advertise.
APART = {"double_opt_in", "privacy_request", "test", ""}


def test_d6_every_purpose_in_the_code_is_in_the_registry() -> None:
    assert {"permitted", "decide", "Permission", "withdraw"} <= set(places())
    used = {path: set(named_in(tree, places())) for path, tree in trees()}
    assert set().union(*used.values()) >= {"personalization", "marketing_email", "analytics"}
    # A sentence or an option is no slug: other functions have an argument of that name.
    slugs = {path: {one for one in found if re.fullmatch(r"[a-z_]+", one)} for path, found in used.items()}
    unknown = {path: found - set(PURPOSES) - APART for path, found in slugs.items()}
    assert {path: found for path, found in unknown.items() if found} == {}


@pytest.mark.parametrize(
    "line",
    [
        'consent.permitted("spying")',
        'Permission(pk, "spying", at=now)',
        'Answer(pk, "spying", True, evidence)',
        'histories.measurable(people, purpose="spying")',
        'rows.filter(purpose__in=["analytics", "spying"])',
        'def f(*, purpose="spying"): ...',
        'if purpose == "spying": ...',
        'if row.purpose in ("analytics", "spying"): ...',
        'row.purpose = "spying" if x else "analytics"',
        'x = {"purpose": "spying"}',
        "SQL = \"SELECT 1 WHERE answer.purpose = 'spying'\"",
    ],
)
def test_d6_a_purpose_that_is_not_registered_is_seen_however_it_is_used(line: str) -> None:
    assert "spying" in set(named_in(ast.parse(line), places()))


def test_d6_every_model_says_whether_it_is_about_people_and_what_for() -> None:
    all_labels = {model._meta.label for model in apps.get_models(include_auto_created=True)}
    paths = {model._meta.label for model in privacy.trails()}
    assert set(lines.LINES) == paths
    assert not paths & (set(lines.BESIDE) | lines.ABOUT_NOBODY)
    assert not set(lines.BESIDE) & lines.ABOUT_NOBODY
    assert paths | set(lines.BESIDE) | lines.ABOUT_NOBODY == all_labels
    for line in (*lines.LINES.values(), *lines.BESIDE.values()):
        assert line.reasons
        assert set(line.reasons) <= REASONS


def test_d6_every_purpose_and_reason_has_rows_or_is_said_to_have_none() -> None:
    used = {reason for line in (*lines.LINES.values(), *lines.BESIDE.values()) for reason in line.reasons}
    assert used == REASONS


def test_d6_the_map_says_of_erasure_what_erasure_does() -> None:
    """The sets are those that the test of erasure counts rows for."""
    found: dict[str, set[str]] = {}
    for model in privacy.trails():
        found.setdefault(datamap.fate_of(model).name, set()).add(model._meta.label)
    assert found["DELETED"] == DELETED
    assert found["LET_GO"] == LET_GO
    assert found["KEPT"] | found["EMPTIED"] == KEPT


def test_d6_what_is_sealed_or_hashed_is_not_told_as_plain() -> None:
    columns = {kind.label: kind.columns() for kind in datamap.kinds()}
    person = columns["customers.Customer"]
    assert person["sealed"] == ["sealed fields"]
    assert person["as a hash"] == ["e-mail index", "phone index"]
    assert columns["customers.PersonKey"]["sealed"] == ["wrapped key"]
    plain = [
        name
        for kind in columns.values()
        for name in kind.get("plain", ())
        if re.search(r"sealed|hash|index$", name)
    ]
    assert plain == []


# --- how long things are kept --------------------------------------------------------------------------------------


def _pending(at: datetime) -> models.Model:
    somebody = person(f"p{uuid4().hex[:6]}")
    row = optin.ask(somebody, "marketing_email", source="form", at=at)
    PendingConsent.objects.filter(pk=row.pk).update(created_at=at)
    return row


def _reply(at: datetime) -> models.Model:
    row = IdempotentReply.objects.create(scope="s", key=uuid4().hex, payload_sha256="0")
    IdempotentReply.objects.filter(pk=row.pk).update(created_at=at)
    return row


def _shown(at: datetime) -> models.Model:
    return Shown.objects.create(recommendation_id=uuid4(), placement="home", items=[], at=at)


def _demand(at: datetime) -> models.Model:
    row = requests.ask(person(f"p{uuid4().hex[:6]}"), "access", source="tests", at=at).request
    requests.end(row, requests.State.LAPSED, at=at)
    return row


def _webhook_message(at: datetime) -> models.Model:
    said = {"name": "Shop", "url": "https://shop.example/", "types": ["code.redeemed"], "receiver": "own"}
    endpoint = webhooks.make(**said, by="tests").endpoint
    row = webhooks.put_test(endpoint, at=at)
    return row


def _delivered(at: datetime) -> models.Model:
    shop = ShopConnection.objects.first() or connections.connect(
        "shopify", "garden.myshopify.com", label="Garden", currency="EUR", secret="a long secret"
    )
    return shop.deliveries.create(number=uuid4().hex, topic="orders/create", at=at)


MAKERS: dict[str, Callable[[datetime], models.Model]] = {
    "config.Change": lambda at: Change.objects.create(at=at, door="desk", who="marta", deed="changed"),
    "customers.PendingConsent": _pending,
    "customers.IdempotentReply": _reply,
    "customers.PrivacyRequest": _demand,
    "customers.ShopDelivery": _delivered,
    "recommender.Shown": _shown,
    "campaigns.WebhookMessage": _webhook_message,
}


def test_every_line_of_the_retention_table_is_proved_below() -> None:
    assert {kept.model._meta.label for kept in retention.kept()} == set(MAKERS)


@pytest.mark.django_db
@pytest.mark.parametrize("kept", list(retention.kept()), ids=lambda kept: kept.model._meta.label)
def test_the_job_deletes_what_is_older_and_keeps_what_is_younger(kept: retention.Kept) -> None:
    now = timezone.now()
    make = MAKERS[kept.model._meta.label]
    old = make(now - kept.for_long - timedelta(minutes=1))
    young = make(now - kept.for_long + timedelta(minutes=1))
    tasks.tidy()
    rows = kept.model._default_manager.filter(pk__in=[old.pk, young.pk])
    assert list(rows.values_list("pk", flat=True)) == [young.pk]


@pytest.mark.django_db
def test_the_paper_has_a_row_for_each_line_and_the_rest_stays() -> None:
    made = papers.make("retention", at=NOW)
    aged, rest = (part.table.rows for part in made.parts)
    assert [row[:2] for row in aged] == [
        ["pending consents", "30 days"],
        ["idempotent replies", "7 days"],
        ["privacy requests", "1096 days"],
        ["audit log", "1096 days"],
        ["webhook messages", "30 days"],
        ["lists shown", "90 days"],
        ["deliveries of shops", "30 days"],
    ]
    assert ["events", "deleted"] in [list(row) for row in rest]
    assert len(aged) + len(rest) == len(lines.LINES) + len(lines.BESIDE)


# --- what they say -------------------------------------------------------------------------------------------------


def part_of(paper: page.Paper, title: str) -> dict[str, str]:
    (part,) = [part for part in paper.parts if part.title == title]
    return {row[0]: row[1] for row in part.table.rows}


def whole(slug: str) -> str:
    return json.dumps(papers.make(slug, at=NOW).as_dict(), ensure_ascii=False)


@pytest.mark.django_db
def test_d6_the_register_has_every_purpose_of_the_registry(anna: Customer, monkeypatch) -> None:
    made = papers.make("register", at=NOW)
    titles = [part.title for part in made.parts]
    assert [str(one.title) for one in PURPOSES.values()] == titles[2 : 2 + len(PURPOSES)]
    extra = purposes.Purpose("weather", "Look at the weather", "looking out of the window")
    monkeypatch.setitem(PURPOSES, "weather", extra)
    found = part_of(papers.make("register", at=NOW), "Look at the weather")
    assert found["Purpose"] == "looking out of the window (weather)"
    assert found["Data"] == "–"


@pytest.mark.django_db
def test_the_register_says_on_what_each_use_rests_and_who_receives_it(settings) -> None:
    settings.EMAIL_URL = "smtp://login:secret@mail.example:587"
    settings.MAIL_PROVIDERS = ["postmark"]
    for n, state in enumerate(("running", "draft")):
        url = f"https://partner{n}.example/hook?token=secret"
        Campaign.objects.create(slug=f"w{n}", name="W", channel="webhook", webhook_url=url, status=state)
    told = {"name": "W", "types": ["code.redeemed"], "by": "tests"}
    webhooks.make(**told, url="https://partner2.example/hook?token=secret", receiver="partner")
    webhooks.make(**told, url="https://own.example/", receiver="own")
    made = papers.make("register", at=NOW)
    mail = part_of(made, "Send me offers by e-mail")
    assert mail["Legal basis"].startswith(
        "consent (GDPR 6(1)(a)); silence means yes, until the person objects, in: United"
    )
    assert "soft opt-in of buyers (ePrivacy 13(2)) in: European Economic Area" in mail["Legal basis"]
    assert (
        mail["Who receives it"]
        == "the mail server mail.example, postmark (reports of bounces and complaints)"
    )
    assert (
        part_of(made, "Pass my data to partners")["Who receives it"] == "partner0.example, partner2.example"
    )
    assert part_of(made, "Remember what I look at in the shop")["Kept"] == "90 days, until erasure"
    assert "secret" not in whole("register")
    SilentYes.objects.all().delete()
    Jurisdiction.objects.update(soft_opt_in=False)
    mail = part_of(papers.make("register", at=NOW), "Send me offers by e-mail")
    assert mail["Legal basis"] == "consent (GDPR 6(1)(a))"


@pytest.mark.parametrize(
    ("people", "told"),
    [
        (0, "fewer than 100"),
        (19, "fewer than 100"),
        (99, "fewer than 100"),
        (100, "about 100"),
        (1299, "about 1,200"),
    ],
)
def test_n1_people_are_told_in_round_hundreds(people: int, told: str) -> None:
    assert page.about(people) == told


@pytest.mark.django_db
def test_n1_no_paper_tells_of_a_handful(anna: Customer, clara: Customer, settings) -> None:
    """With 7 people of which 3 allow it, a model of 13, no figure of these stands anywhere; dates and rules aside."""
    for n in range(5):
        person(f"x{n}", allows=["analytics"] if n < 2 else [], country="CN" if n else "US")
    ModelVersion.objects.create(
        task="recommend",
        algorithm="als",
        state="live",
        file="f",
        sha256="0",
        people=13,
        interactions=1,
        trained_until=NOW,
    )
    figures.note_due(at=NOW)
    for slug in ("register", "dpia"):
        for part in papers.make(slug, at=NOW).parts:
            for row in part.table.rows if part.table else []:
                assert not [
                    cell for cell in row if re.fullmatch(r"\d[\d,]*( people)?( allow it now)?", cell)
                ], row
    assert "fewer than 100 people" in whole("dpia")


@pytest.mark.django_db
def test_the_assessment_says_what_runs_here_and_asks_what_is_open(settings, anna: Customer) -> None:
    settings.POSTAL_ADDRESS = ""
    empty = papers.make("dpia", at=NOW)
    decisions = part_of(empty, "Decisions made by the platform")
    assert decisions["Which products are shown"] == "no"
    asked = dpia.questions()
    assert "No postal address is set: no marketing mail can be approved." in asked
    assert any("declared sensitive" in one for one in asked)
    assert not any("partner" in one for one in asked)
    settings.POSTAL_ADDRESS = "1 Example Street"
    SensitiveAttribute.objects.create(name="health", why="GDPR 9", added_by="t")
    Campaign.objects.create(
        slug="w",
        name="W",
        channel="webhook",
        webhook_url="https://partner.example/",
        status="running",
        allocation="bandit",
    )
    ModelVersion.objects.create(
        task="recommend",
        algorithm="als",
        state="live",
        file="f",
        sha256="0",
        people=950,
        interactions=1,
        trained_until=NOW,
    )
    made = papers.make("dpia", at=NOW)
    decisions = part_of(made, "Decisions made by the platform")
    assert decisions["Which products are shown"] == "yes"
    assert decisions["Which variant of a message, more of what works"] == "yes"
    (models_part,) = [part for part in made.parts if part.title == "Models in use"]
    assert models_part.table.rows == [["recommendations", "als", "about 900", "24 Nov 2026"]]
    asked = dpia.questions()
    assert any("each partner (partner.example)" in one for one in asked)
    assert not any("No postal address" in one or "declared sensitive" in one for one in asked)


@pytest.mark.django_db
def test_a_paper_costs_the_same_queries_whatever_the_size(django_assert_max_num_queries) -> None:
    most = {"register": 10, "retention": 0, "data-map": 0, "dpia": 30}
    for round_ in range(2):
        for slug, count in most.items():
            with django_assert_max_num_queries(count):
                papers.make(slug, at=NOW)
        for n in range(5):
            person(f"q{round_}-{n}", allows=list(PURPOSES))
            ContactChoice.objects.create(customer=Customer.objects.get(external_id=f"q{round_}-{n}"))


# --- the command and the pages -------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_command_writes_files_that_stand_alone(language: str, tmp_path: Path, capsys) -> None:
    call_command("papers", "--output", str(tmp_path / "deep" / "er"), "--language", language)
    files = sorted(path.name for path in (tmp_path / "deep" / "er").iterdir())
    assert files == sorted(f"{slug}.{language}.html" for slug in papers.MAKERS)
    assert len(capsys.readouterr().out.splitlines()) == 4
    for path in (tmp_path / "deep" / "er").iterdir():
        text = path.read_text()
        assert f'<html lang="{language}">' in text
        assert not re.search(r"<script|<link|\bsrc=|@import|url\(", text)
    register_ = (tmp_path / "deep" / "er" / f"register.{language}.html").read_text()
    with translation.override(language):
        assert translation.gettext("Send me offers by e-mail") in register_


@pytest.mark.django_db
def test_the_command_prints_json_or_says_why_it_cannot_write(tmp_path: Path, capsys) -> None:
    call_command("papers", "--json")
    assert [one["slug"] for one in json.loads(capsys.readouterr().out)] == list(papers.MAKERS)
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot be written to"):
        call_command("papers", "--output", str(tmp_path / "file"))


@pytest.fixture
def officer(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("officer", password="x" * 12))
    return client


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("slug", list(papers.MAKERS))
def test_every_paper_opens_on_the_desk_with_and_without_people(
    officer: Client, slug: str, language: str
) -> None:
    for _round in range(2):
        answer = officer.get(f"/admin/papers/{slug}/", headers={"accept-language": language})
        assert answer.status_code == 200
        person(f"d-{slug}", allows=list(PURPOSES))
    file = officer.get(f"/admin/papers/{slug}/?file")
    assert file.headers["Content-Disposition"] == f'attachment; filename="{slug}.html"'


def test_the_menu_leads_to_the_register_and_an_unknown_paper_is_none(officer: Client) -> None:
    page_ = officer.get("/admin/papers/")
    assert 'href="/admin/papers/"' in page_.content.decode()
    assert b"Register of processing" in page_.content
    assert officer.get("/admin/papers/gossip/").status_code == 404


def test_s5_who_may_not_see_the_ledger_sees_no_paper(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("viewer", password="x" * 12, is_staff=True))
    assert client.get("/admin/papers/").status_code == 403
    assert Client().get("/admin/papers/").status_code == 302


def test_the_papers_tell_people_as_they_were_counted_and_when(officer: Client) -> None:
    """120 in Germany, of whom 110 allow personalization; nobody is counted when a paper is opened."""
    empty = papers.make("register", at=NOW)
    wait = "People are counted in the background, and stand here within some minutes."
    assert part_of(empty, "Use what I did to choose products and offers for me")["People"] == wait
    assert empty.counted_at is None
    (whose,) = [part for part in empty.parts if part.title == "Whose data"]
    assert (whose.words, list(whose.table.rows), whose.table.empty) == ([wait], [], "")
    for n in range(120):
        person(f"c{n}", allows=["personalization"] if n < 110 else [], country="DE")
    figures.note_due(at=NOW)
    for n in range(200):
        person(f"later{n}", country="DE")
    made = papers.make("register", at=NOW)
    assert made.counted_at == NOW == datetime.fromisoformat(made.as_dict()["counted_at"])
    assert (
        part_of(made, "Use what I did to choose products and offers for me")["People"]
        == "about 100 allow it now"
    )
    assert part_of(made, "Send me offers by e-mail")["People"] == "fewer than 100 allow it now"
    (whose,) = [part for part in made.parts if part.title == "Whose data"]
    assert whose.words == ["Customers and visitors of the shop: about 100 people."]
    assert [list(row) for row in whose.table.rows] == [["European Economic Area", "about 100"]]
    said = officer.get("/admin/papers/").content.decode()
    assert "People as they were counted on" in said
    assert "people as counted at" in officer.get("/admin/papers/?file").content.decode()


def test_n1_of_a_few_the_papers_keep_no_number(anna: Customer, clara: Customer) -> None:
    figures.note_due(at=NOW)
    assert facts.counted().people == facts.counted().allowing["personalization"] == 0
    assert register.receivers("analytics") == []
