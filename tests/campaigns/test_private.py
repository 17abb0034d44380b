"""N2: what is called private is so by OpenDP's own account, and the budget is never overspent."""

import math
import re
import threading
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse

from campaigns.models import PrivacyBudget, PrivateRelease
from campaigns.reports import private
from campaigns.reports.private import MILLION, Exhausted, NotPossible
from recommender.algorithms import noise
from tests.campaigns.reporting import DAY, START, Built, built, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
dp = pytest.importorskip(
    "opendp.prelude", reason="opendp is an extra (requirements-dp.txt), and is not installed"
)


@pytest.fixture
def spring(db: None) -> Built:
    made = built(120, 60)
    paid(made.treated[:100], "20.00", START + DAY)
    paid(made.control[:39], "10.00", START + DAY)
    paid(made.control[39:40], "9000.00", START + DAY)
    return made


def asked(
    made: Built, epsilon: float = 0.5, *, cap: int = 100, by: str = "arm", who: str = "ana"
) -> PrivateRelease:
    question = private.ask(made.campaign, by=by, epsilon=round(epsilon * MILLION), cap=cap, at=NOW)
    return private.release(made.campaign, question, by=who, at=NOW)


def test_n2_the_noise_is_as_large_as_opendp_says_that_it_must_be(spring: Built) -> None:
    told = asked(spring, 0.6, cap=100).answer
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    for name, most in (("people", 1), ("buyers", 1), ("money", 100)):
        least = dp.binary_search_param(
            lambda scale: dp.m.make_laplace(*space, scale=scale), d_in=most, d_out=0.2, T=float
        )
        assert told["scale"][name] == pytest.approx(least, rel=1e-6)
        assert dp.m.make_laplace(*space, scale=told["scale"][name]).map(most) <= 0.2
    assert told["epsilon"] <= 0.6
    assert told["delta"] == 0


def test_n2_the_spread_of_what_is_drawn_is_that_of_the_noise() -> None:
    drawn = noise.release([1000] * 20_000, most=3, epsilon=0.5)
    # Discrete Laplace of scale b: variance 2q/(1−q)², q = exp(−1/b).
    q = math.exp(-1 / drawn.scale)
    variance = 2 * q / (1 - q) ** 2
    mean = sum(drawn.values) / 20_000
    assert mean == pytest.approx(1000, abs=5 * math.sqrt(variance / 20_000))
    assert sum((value - mean) ** 2 for value in drawn.values) / 20_000 == pytest.approx(variance, rel=0.1)
    beyond = sum(abs(value - 1000) > drawn.within for value in drawn.values) / 20_000
    assert beyond < 0.06


def test_n2_one_person_s_money_is_cut_at_the_cap(spring: Built) -> None:
    told = asked(spring, 3.0, cap=100).answer
    treated, control = told["cells"]
    # 39 · 10 and one cut at 100; the noise on money has scale 100.
    assert control["money"] == pytest.approx(490, abs=100 * 20)
    assert treated["money"] == pytest.approx(2000, abs=100 * 20)
    assert (treated["people"], control["people"]) == (pytest.approx(120, abs=20), pytest.approx(60, abs=20))


def test_n2_by_segment_everyone_stands_in_one_cell(spring: Built) -> None:
    told = asked(spring, 3.0, by="segment").answer
    assert [(cell["arm"], cell["segment"]) for cell in told["cells"]] == [
        ("treated", "Everyone"), ("treated", "–"), ("control", "Everyone"), ("control", "–"),
    ]  # fmt: skip


def test_n2_the_same_question_gets_the_same_numbers_and_spends_nothing(spring: Built) -> None:
    first = asked(spring, 0.5)
    paid(spring.treated, "70.00", START + 2 * DAY, number="later")
    again = asked(spring, 0.5, who="boris")
    assert (again.pk, again.answer, again.by) == (first.pk, first.answer, "ana")
    assert PrivacyBudget.objects.get().spent == 500_000
    other = asked(spring, 0.5, cap=101)
    assert other.pk != first.pk
    assert PrivacyBudget.objects.get().spent == MILLION


def test_n2_an_exhausted_budget_refuses_in_words_and_spends_nothing(spring: Built) -> None:
    asked(spring, 2.5)
    with pytest.raises(Exhausted, match=r"0\.6 is asked for and 0\.5 of 3 is left"):
        asked(spring, 0.6)
    assert (PrivacyBudget.objects.get().spent, PrivateRelease.objects.count()) == (2_500_000, 1)
    asked(spring, 0.5, cap=7)
    assert PrivacyBudget.objects.get().spent == 3 * MILLION


def test_n2_the_database_too_refuses_to_overspend() -> None:
    row = PrivacyBudget.objects.create(name="people", total=10)
    with pytest.raises(IntegrityError), transaction.atomic():
        PrivacyBudget.objects.filter(pk=row.pk).update(spent=11)


def test_n2_nothing_is_told_of_what_was_not_measured_or_not_allowed(spring: Built) -> None:
    for by, epsilon, cap in (("person", 0.5, 10), ("arm", 0, 10), ("arm", 11, 10), ("arm", 0.5, 0)):
        with pytest.raises(NotPossible):
            asked(spring, epsilon, cap=cap, by=by)
    assert not PrivacyBudget.objects.exists()


def test_n2_without_opendp_the_page_says_how_to_get_it(spring: Built, monkeypatch) -> None:
    def missing(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(noise, "import_module", missing)
    with pytest.raises(NotPossible, match=r"pip install -r requirements-dp\.txt"):
        asked(spring)
    assert not PrivacyBudget.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_n2_fifty_who_ask_at_once_never_overspend() -> None:
    made = built(120, 60)
    paid(made.treated[:100], "20.00", START + DAY)
    gate = threading.Barrier(50)
    refused: list[int] = []
    told: list[int] = []

    def eve(n: int) -> None:
        gate.wait()
        try:
            told.append(asked(made, 0.25, cap=10 + n // 2).pk)
        except Exhausted:
            refused.append(n)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=eve, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Twenty-five questions, each asked twice, of a budget for twelve.
    budget = PrivacyBudget.objects.get()
    assert (budget.spent, PrivateRelease.objects.count()) == (3 * MILLION, 12)
    assert len(set(told)) == 12
    assert len(told) + len(refused) == 50
    assert sum(PrivateRelease.objects.values_list("spent", flat=True)) == budget.spent


def test_n2_the_page_prints_what_protects_and_only_who_may_releases(spring: Built) -> None:
    client, olga = Client(), User.objects.create_user("olga", password="x", is_staff=True)
    client.force_login(olga)
    olga.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    address = reverse("admin:campaigns_campaign_private", args=[spring.campaign.pk])
    form = {"by": "arm", "epsilon": "0.5", "cap": "100"}
    with time_machine.travel(NOW, tick=False):
        assert client.post(address, form).status_code == 403
        assert not PrivateRelease.objects.exists()
        olga.user_permissions.add(Permission.objects.get(codename="add_privaterelease"))
        assert client.post(address, form).status_code == 302
        html = client.get(address).content.decode()
    for told in (
        "ε = 0.5",
        "δ = 0",
        "Unit: one person, added or removed",
        "Cap: 100 EUR",
        "budget now: ε = 2.5",
        "by olga",
    ):
        assert told in html, told


def test_n2_the_budget_s_page_says_what_was_spent_by_whom(spring: Built) -> None:
    asked(spring, 0.5, who="ana")
    asked(spring, 0.25, who="boris")
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    pk = PrivacyBudget.objects.get().pk
    html = client.get(reverse("admin:campaigns_privacybudget_change", args=[pk])).content.decode()
    assert html.index("ana") < html.index("boris")
    assert "0.75" in html
    assert "2.25" in html


@pytest.mark.once
def test_n2_nothing_else_is_called_private() -> None:
    root = Path(__file__).resolve().parents[2]
    pages = [
        *root.glob("templates/**/*.html"),
        *root.glob("campaigns/**/*.py"),
        *root.glob("recommender/**/*.py"),
    ]
    named = {
        page.name
        for page in pages
        if re.search(r"differential(ly)?[ -]priva|anonymous statistics", page.read_text(), re.I)
    }
    assert named == {"private.html"}
