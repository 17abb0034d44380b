"""The rules of the product, the tests that hold them, and what those tests said last.

The rules stand in docs/rules.md. A test holds the rules whose numbers its name begins with: `test_c4_c6_…` holds C4 and
C6. Results are written by the plugin in tests/conftest.py. Nothing here imports Django or a test.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "docs" / "rules.md"
TESTS = ROOT / "tests"
RESULTS = ROOT / "var" / "test-results.json"
_RULE = re.compile(r"- \*\*([A-Z]\d+)\*\* (.+)")
_NUMBERS = re.compile(r"test_((?:[a-z]\d+_)+)")
# The gravest first: what a function of several parameters is said to have come to.
OUTCOMES = ("failed", "skipped", "passed")


@dataclass(frozen=True)
class Rule:
    number: str
    section: str
    words: str


@dataclass(frozen=True)
class Result:
    """What a test came to: one of OUTCOMES, when (RFC 3339) and on which commit; `+` after it: with changes."""

    outcome: str
    at: str
    commit: str


@dataclass(frozen=True)
class Held:
    """A rule with its tests (path::name), each with its last result or None where it never ran here."""

    rule: Rule
    tests: Mapping[str, Result | None]

    @property
    def state(self) -> str:
        """`no test`, `failed`, `not run`, or `passed`; skipped tests count where none passed."""
        if not self.tests:
            return "no test"
        found = {result.outcome if result else "not run" for result in self.tests.values()}
        return next((state for state in ("failed", "not run", "passed") if state in found), "skipped")

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule.number,
            "section": self.rule.section,
            "words": self.rule.words,
            "state": self.state,
            "tests": [{"test": test, **(asdict(said) if said else {})} for test, said in self.tests.items()],
        }


def rules(path: Path = RULES) -> list[Rule]:
    """The rules in the order of the page. Raises FileNotFoundError where the page is not installed."""
    found, section = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip()
        elif match := _RULE.fullmatch(line.strip()):
            found.append(Rule(match[1], section, match[2]))
    return found


def numbers(name: str) -> list[str]:
    """The rules that a test's own name says it holds: `test_c4_c6_refusing_…` → C4, C6."""
    match = _NUMBERS.match(name)
    return match[1].upper().strip("_").split("_") if match else []


def tests(folder: Path = TESTS) -> Iterator[str]:
    """Every test function under a folder as pytest names it (path::name or path::Class::name), by reading alone."""
    for path in sorted(folder.rglob("test_*.py")):
        inside, body = path.relative_to(folder.parent).as_posix(), ast.parse(path.read_text()).body
        yield from (f"{inside}::{name}" for name in _functions(body))
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from (f"{inside}::{node.name}::{name}" for name in _functions(node.body))


def _functions(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def results(path: Path = RESULTS) -> dict[str, Result]:
    """The last result of each test function; of several parameters the gravest."""
    if not path.exists():
        return {}
    found: dict[str, Result] = {}
    for node, said in json.loads(path.read_text()).items():
        function, result = node.partition("[")[0], Result(**said)
        known = found.get(function)
        if known is None or OUTCOMES.index(result.outcome) < OUTCOMES.index(known.outcome):
            found[function] = result
    return found


def merge(path: Path, new: Mapping[str, Result], *, there: set[str]) -> None:
    """Add a run's results (node id → result) to the file.

    there : the test functions that exist; what is gone is dropped. Of a function that ran, results of another commit
    are dropped too, so that a parameter that went away does not stay failed for ever.
    """
    old = (
        {node: Result(**said) for node, said in json.loads(path.read_text()).items()} if path.exists() else {}
    )
    commits = {node.partition("[")[0]: result.commit for node, result in new.items()}
    kept = {
        node: result
        for node, result in old.items()
        if commits.get(function := node.partition("[")[0], result.commit) == result.commit
        and function in there
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(
        json.dumps({node: asdict(said) for node, said in sorted((kept | dict(new)).items())}, indent=0)
    )
    draft.replace(path)


def held() -> list[Held]:
    """Every rule with the tests that hold it and their last results."""
    said, by_rule = results(RESULTS), dict[str, list[str]]()
    for test in tests(TESTS):
        for number in numbers(test.rpartition("::")[2]):
            by_rule.setdefault(number, []).append(test)
    return [Held(one, {test: said.get(test) for test in by_rule.get(one.number, [])}) for one in rules(RULES)]
