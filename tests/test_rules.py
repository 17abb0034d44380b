"""The table of rules is true: every rule is held by a test, and every number in a test's name is a rule's."""

import json
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config import rulebook
from config.rulebook import Result
from tests import mutate
from tests.conftest import Results

HELD = ("Consent", "Unsubscribe", "Rights", "Ledger", "Reports and fairness")


def test_every_rule_has_its_place_and_one_number() -> None:
    rules = rulebook.rules()
    assert [rule.number for rule in rules] == list(dict.fromkeys(rule.number for rule in rules))
    letters = {"Consent": "C", "Unsubscribe": "U", "Rights": "D", "Ledger": "L", "Reports and fairness": "N"}
    letters |= {"Sending and acting": "R", "Security": "S"}
    assert list(dict.fromkeys(rule.section for rule in rules)) == list(letters)
    for section, letter in letters.items():
        numbers = [rule.number for rule in rules if rule.section == section]
        assert numbers == [f"{letter}{n}" for n in range(1, len(numbers) + 1)]


def test_every_rule_of_trust_is_held_by_a_test() -> None:
    bare = {one.rule.number for one in rulebook.held() if one.rule.section in HELD and not one.tests}
    assert bare == set()


def test_no_test_names_a_rule_that_is_not_there() -> None:
    known = {rule.number for rule in rulebook.rules()}
    named = {test: rulebook.numbers(test.rpartition("::")[2]) for test in rulebook.tests()}
    assert {test: found for test, found in named.items() if not set(found) <= known} == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_u2_looking", ["U2"]),
        ("test_c4_c6_refusing", ["C4", "C6"]),
        ("test_c13_gpc", ["C13"]),
        ("test_u2", []),
        ("test_a_c4_later", []),
        ("test_2_things", []),
    ],
)
def test_a_name_tells_its_rules(name: str, found: list[str]) -> None:
    assert rulebook.numbers(name) == found


PAGE = (
    "# Rules\n\n## One\n\n- **A1** First.\n- **A2** Second.\n- **A3** Third.\n\n## Two\n\n- **B1** Fourth.\n"
)
FILE = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_a1_it_holds(n): ...

class TestMore:
    def test_a1_b1_in_a_class(self): ...

async def test_a2_while_waiting(): ...

def helper_a3_(): ...
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch) -> Path:
    """A project of four rules and three tests."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "rules.md").write_text(PAGE)
    (tmp_path / "tests" / "deep" / "test_it.py").write_text(FILE)
    for name, path in (("RULES", "docs/rules.md"), ("TESTS", "tests"), ("RESULTS", "var/test-results.json")):
        monkeypatch.setattr(rulebook, name, tmp_path / path)
    return tmp_path


def told(capsys, *arguments: str) -> str:
    call_command("rules", *arguments)
    words: str = capsys.readouterr().out
    return words


def run(*said: tuple[str, str], commit: str = "c1") -> None:
    results = {
        f"tests/deep/test_it.py::{node}": Result(outcome, "2026-11-26T12:00:00+00:00", commit)
        for node, outcome in said
    }
    rulebook.merge(rulebook.RESULTS, results, there=set(rulebook.tests(rulebook.TESTS)))


def states(capsys) -> dict[str, str]:
    return {one["rule"]: one["state"] for one in json.loads(told(capsys, "--json"))}


def test_the_command_tells_each_rule_its_tests_and_what_they_said_last(small: Path, capsys) -> None:
    assert states(capsys) == {"A1": "not run", "A2": "not run", "A3": "no test", "B1": "not run"}
    run(
        ("test_a1_it_holds[1]", "passed"),
        ("test_a1_it_holds[2]", "failed"),
        ("test_a2_while_waiting", "skipped"),
    )
    run(("TestMore::test_a1_b1_in_a_class", "passed"))
    assert states(capsys) == {"A1": "failed", "A2": "skipped", "A3": "no test", "B1": "passed"}
    words = told(capsys)
    assert "A1  failed   First.\n      tests/deep/test_it.py::test_a1_it_holds: failed 2026" in words
    assert "4 rules: 1 failed, 1 no test, 1 passed, 1 skipped." in words


def test_strict_fails_where_a_rule_is_not_held(small: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        call_command("rules", "--strict")
    (small / "docs" / "rules.md").write_text(PAGE.replace("- **A3** Third.\n", ""))
    call_command("rules", "--strict")
    run(("test_a2_while_waiting", "failed"))
    with pytest.raises(SystemExit):
        call_command("rules", "--strict")


def test_a_later_commit_forgets_parameters_that_went_and_tests_that_are_gone(small: Path, capsys) -> None:
    run(("test_a1_it_holds[old]", "failed"), ("test_a1_it_holds[1]", "passed"), ("test_gone", "failed"))
    assert set(rulebook.results(rulebook.RESULTS)) == {
        "tests/deep/test_it.py::test_a1_it_holds",
        "tests/deep/test_it.py::test_gone",
    }
    assert states(capsys)["A1"] == "failed"
    run(("test_a2_while_waiting", "passed"))
    assert set(rulebook.results(rulebook.RESULTS)) == {
        "tests/deep/test_it.py::test_a1_it_holds",
        "tests/deep/test_it.py::test_a2_while_waiting",
    }
    run(("test_a1_it_holds[1]", "passed"), ("TestMore::test_a1_b1_in_a_class", "passed"), commit="c2")
    assert states(capsys)["A1"] == "passed"


def test_a_copy_without_the_tests_says_so(small: Path) -> None:
    shutil.rmtree(small / "tests")
    with pytest.raises(CommandError, match="tests are not here"):
        call_command("rules")


def test_this_very_run_is_written_down(tmp_path: Path) -> None:
    """The plugin hears of a failing call, and of a teardown that fails after a call that passed."""
    plugin = Results()

    def say(when: str, outcome: str) -> None:
        report = pytest.TestReport("t.py::test_x", ("t.py", 1, "x"), {}, outcome, None, when)
        plugin.pytest_runtest_logreport(report)

    say("setup", "passed")
    say("call", "passed")
    assert plugin.outcomes == {"t.py::test_x": "passed"}
    say("teardown", "failed")
    assert plugin.outcomes == {"t.py::test_x": "failed"}


def test_the_page_of_mutations_is_written_from_the_list() -> None:
    assert mutate.PAGE.read_text() == mutate.page(mutate.mutations())


def test_every_mutation_breaks_a_line_that_is_there_and_names_a_test_that_is_there() -> None:
    there = set(rulebook.tests())
    for one in mutate.mutations():
        assert (mutate.ROOT / one.path).read_text().count(one.old) == 1, one
        assert one.old != one.new
        assert one.test.partition("[")[0] in there, one
        assert one.rule in rulebook.numbers(one.test.partition("[")[0].rpartition("::")[2]), one
