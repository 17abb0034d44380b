"""The cast: Anna allows everything, Boris nothing, Clara said yes and then no."""

import gc
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management.color import no_style
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone, translation
from whitenoise.middleware import WhiteNoiseMiddleware

from campaigns.models import Campaign, campaign
from catalog.imports import ProductInput, save_products
from catalog.models import Product
from config import rulebook
from customers import consent, identities, installation, throttle
from customers.access import create_key, customer_token
from customers.consent import Evidence
from customers.models import Customer
from customers.purposes import PURPOSES
from tests.private_servers import on_server

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


# Whoever has none of these fixtures and marks asks no database, and starts no program that does.
DATABASE = {"db", "transactional_db", "live_server", "django_db_setup"}
ASKING = ("django_db", "faults", "processes")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Files with slow tests first, so that no process is left with a long one when the others are done.

    A test that asks no database is the same on every one: it is marked so before `-m` chooses.
    """
    for item in items:
        if not (
            DATABASE & set(getattr(item, "fixturenames", ())) or any(map(item.get_closest_marker, ASKING))
        ):
            item.add_marker("once")
        if "migrated" in getattr(item, "fixturenames", ()):
            # Alone, too: only where a test asks for a database is one made, and there is something to copy.
            item.add_marker("django_db")
    yield
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Results:
    """Writes what each test came to beside the code, for `manage.py rules`."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            known = self.outcomes.get(report.nodeid, report.outcome)
            self.outcomes[report.nodeid] = min(known, report.outcome, key=rulebook.OUTCOMES.index)

    def pytest_sessionfinish(self) -> None:
        if not self.outcomes:
            return
        at, commit = datetime.now(UTC).isoformat(timespec="seconds"), _commit()
        new = {node: rulebook.Result(outcome, at, commit) for node, outcome in self.outcomes.items()}
        rulebook.merge(rulebook.RESULTS, new, there=set(rulebook.tests()))


def _commit() -> str:
    """The commit under test, with a `+` where the tree has changes; empty outside a repository."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=rulebook.ROOT, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()


def pytest_configure(config: pytest.Config) -> None:
    """Of several processes only the first hears of all tests.

    Garbage that refers to itself is looked for as seldom as where requests are answered (config/wsgi.py): the search,
    through all that is loaded, was a seventh of the suite's work.
    """
    gc.set_threshold(50_000, 20, 20)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(), "results")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no search goes through it again."""
    gc.freeze()


@contextmanager
def tampering() -> Iterator[None]:
    """What only the owner of the database could do: lift the ledger's triggers for a moment."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            try:
                yield
            finally:
                cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _sql in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            try:
                yield
            finally:
                for _name, sql in triggers:
                    cursor.execute(sql)


@pytest.fixture(autouse=True, scope="session")
def _emptying_between_tests_may_empty_the_ledger() -> Iterator[None]:
    """Transactional tests empty every table afterwards; the ledger's triggers would refuse that."""
    patch = pytest.MonkeyPatch()
    operations = type(connection.ops)
    original = operations.execute_sql_flush

    def flush(self: BaseDatabaseOperations, sql_list: Sequence[str]) -> None:
        with tampering():
            original(self, sql_list)

    patch.setattr(operations, "execute_sql_flush", flush)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The database of the tests, and a copy of it from before the first one; what tells which."""
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        if connection.vendor == "sqlite":
            copy = str(tmp_path_factory.mktemp("migrated") / "tact.sqlite3")
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [copy])
        connection.close()
    if connection.vendor == "sqlite":
        yield copy
        return
    copy = f"{name}_migrated"
    on_server("DROP DATABASE IF EXISTS {}", copy)
    on_server("CREATE DATABASE {} TEMPLATE {}", copy, name)
    yield copy
    on_server("DROP DATABASE {} WITH (FORCE)", copy)


@pytest.fixture(scope="session")
def migrated(django_db_setup: str) -> str:
    """A database with every table and no row of ours, to be copied: a file of SQLite, or its name in PostgreSQL."""
    return django_db_setup


@pytest.fixture
def _django_db_helper(_django_db_helper: None) -> None:
    """Whoever a test makes first has the number 1, whatever ran before: arms are drawn by it, and seeds are taken from it."""
    numbered, ops, style = (Customer, Campaign), connection.ops, no_style()
    named = [{"table": model._meta.db_table, "column": "id"} for model in numbered]
    # Beyond the rows that a file of tests keeps; SQLite counts on from them by itself.
    statements = ops.sequence_reset_sql(style, numbered) or ops.sequence_reset_by_name_sql(style, named)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True)
def _salts_are_drawn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One campaign of a test after the other has the same arms in every run: none that comes once in a thousand."""
    # From 2 on even of a few people about the share is drawn.
    salts = count(2)
    monkeypatch.setattr(
        campaign, "secrets", SimpleNamespace(token_hex=lambda size: f"{next(salts):0{2 * size}x}")
    )


@pytest.fixture(autouse=True, scope="session")
def _passwords_are_hashed_quickly() -> Iterator[None]:
    """The same hasher as in production, at its least effort: hundreds of tests make somebody who logs in."""
    patch = pytest.MonkeyPatch()
    for name, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
        patch.setattr(Argon2PasswordHasher, name, least)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_looked_for_once() -> Iterator[None]:
    """Every client of a test loads the middleware anew, which would walk through hundreds of files each time."""
    patch = pytest.MonkeyPatch()
    look_for = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def once(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look_for(self)
            found.update(self.files)
        self.files.update(found)

    patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", once)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _the_language_is_given_back() -> Iterator[None]:
    """A page asked for in Chinese leaves its language behind, and the next test would be answered in it."""
    yield
    translation.deactivate()


@contextmanager
def journal_at(folder: Path) -> Iterator[None]:
    """Keep the journal there for so long.

    A slow machine does not make it ask again in the midst of a count of queries; a test says when to look anew.
    """
    with override_settings(JOURNAL_DIR=folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation, "FRESH_S", 3600.0)
        installation.forget()
        yield


@pytest.fixture(autouse=True)
def _a_journal_of_its_own(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A test's database goes; what it wrote outside must not tell the next one that it is an older one.

    By the fixture that takes back all settings of a test, the last first: one that was taken back before the test's own
    would come back with them, and the settings of a run would grow layer by layer.
    """
    settings.JOURNAL_DIR = tmp_path_factory.getbasetemp() / f"journal-{uuid4().hex}"
    monkeypatch.setattr(installation, "FRESH_S", 3600.0)
    installation.forget()


@pytest.fixture(autouse=True)
def _requests_are_counted_from_nought(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keys have the same few numbers in every test, and all processes of a run the same folder."""
    monkeypatch.setattr(throttle, "_FOLDER", str(tmp_path_factory.getbasetemp() / f"throttle-{uuid4().hex}"))


def counted() -> None:
    """Let PostgreSQL count its rows: what an earlier test took back it may still believe in, and plan for."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def evidence(purpose: str) -> Evidence:
    return Evidence(notice=f"{purpose}@1", language="en", method="checkbox", source="tests", actor="customer")


def person(
    name: str, *, allows: Sequence[str] = (), country: str = "DE", email: str | None = None
) -> Customer:
    """A customer called `name` at name@mail.example, in an opt-in country, who allows the given purposes."""
    address = f"{name}@mail.example" if email is None else email
    identities.save_profiles([identities.Profile(id=name, email=address, name=name.title(), country=country)])
    customer = Customer.objects.select_related("key").get(external_id=name)
    for purpose in allows:
        consent.give(customer.pk, purpose, evidence=evidence(purpose), at=NOW - timedelta(days=400))
    return customer


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


class Caller:
    """A client of the API as a shop has one: a key, perhaps a customer token, JSON both ways."""

    def __init__(self, client: Client, key: str, token: str = "") -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"} | ({"X-Customer-Token": token} if token else {})

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        response = self.client.generic(method, f"/api/v1/{path}", headers={**self.headers, **headers}, **sent)
        return Answer(response.status_code, json.loads(response.content or b"null"), response.headers)


@pytest.fixture
def server(client: Client, db: None) -> Caller:
    """A shop's server: a secret key with every scope."""
    return Caller(client, create_key("secret")[1])


@pytest.fixture
def browser(client: Client, db: None) -> Callable[[str], Caller]:
    """A browser: a publishable key, with a token that proves a customer (or "" for nobody)."""
    key = create_key("publishable")[1]
    return lambda who: Caller(client, key, customer_token(who, at=timezone.now())[0] if who else "")


@pytest.fixture
def anna(db: None) -> Customer:
    return person("anna", allows=list(PURPOSES))


@pytest.fixture
def boris(db: None) -> Customer:
    return person("boris")


@pytest.fixture
def clara(db: None) -> Customer:
    clara = person("clara", allows=list(PURPOSES))
    consent.withdraw_all(
        clara.pk, method="preference_page", source="tests", actor="customer", at=NOW - timedelta(days=1)
    )
    return clara


@pytest.fixture
def products(db: None) -> dict[str, Product]:
    """Six products in two categories, all sellable."""
    save_products(
        [
            ProductInput(
                sku=sku,
                title=title,
                category=category,
                price=Decimal(price),
                currency="EUR",
                description=title,
            )
            for sku, title, category, price in (
                ("rose", "Red rose bush", "Garden", "12.50"),
                ("spade", "Steel spade", "Garden", "24.00"),
                ("soil", "Potting soil", "Garden", "6.00"),
                ("mug", "Blue mug", "Kitchen", "8.00"),
                ("pan", "Iron pan", "Kitchen", "39.00"),
                ("tea", "Green tea", "Kitchen", "4.50"),
            )
        ],
        at=NOW,
    )
    return {product.sku: product for product in Product.objects.all()}
