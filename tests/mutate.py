"""Break the code one line at a time and see that the test of that rule fails: `python -m tests.mutate`, `make mutations`.

The list is tests/mutations.toml; docs/mutations.md is written from it (`--write`). A new one is three lines:

    [[U3]]
    break = ["path/of/the/code.py", 'a text that stands there once', 'what stands there instead']
    fails = "tests/path.py::test_u3_…"

Everything happens in a copy of the tree in a temporary folder. `RULE …` as arguments runs those alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.rulebook import ROOT

LIST = ROOT / "tests" / "mutations.toml"
PAGE = ROOT / "docs" / "mutations.md"
TIMEOUT_S = 300
# What pytest answers when tests ran and some failed; anything else (an import that broke) shows nothing.
FAILED = 1
HEAD = """\
# What was broken, and which test failed

A test that cannot fail holds nothing. For each rule, one line of the code was broken on purpose, and the test that
carries the rule's number failed. `make mutations` does it again, each in a copy of the tree; the list is
`tests/mutations.toml`, and this page is written from it by `python -m tests.mutate --write`.

| rule | in | this | became | and this failed |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Mutation:
    rule: str
    path: str
    old: str
    new: str
    test: str


def mutations() -> list[Mutation]:
    """The list, in the order of the rules."""
    said = tomllib.loads(LIST.read_text())
    found = []
    for rule, ones in said.items():
        for one in ones:
            path, old, new = one["break"]
            found.append(Mutation(rule, path, old, new, one["fails"]))
    return sorted(found, key=lambda one: ("CUDLNRS".index(one.rule[0]), int(one.rule[1:])))


def page(found: Sequence[Mutation]) -> str:
    rows = (
        f"| {one.rule} | `{one.path}` | {_code(one.old)} | {_code(one.new)} | `{one.test.rpartition('::')[2]}` |"
        for one in found
    )
    return HEAD + "\n".join(rows) + "\n"


def _code(text: str) -> str:
    """One line of code in a cell of a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    return f"`{line}`" if line else "nothing"


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """What git would take along, new files included; nothing that is ignored."""
    said = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        for name in filter(None, said.stdout.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        yield Path(folder)


def run(tree: Path, *tests: str, anew: bool) -> tuple[int, str]:
    """What pytest answered and said. `anew`: with a database made from this tree's migrations."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--reuse-db"]
    environment = {**os.environ, "VAR_DIR": str(tree / "var" / "test"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        said = subprocess.run(
            [*command, *(["--create-db"] if anew else []), *tests],
            cwd=tree, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return FAILED, "it never ended"  # that is noticed too
    return said.returncode, said.stdout + said.stderr


def survives(tree: Path, one: Mutation) -> str:
    """Why the mutation was not noticed; empty when its test failed."""
    path = tree / one.path
    whole = path.read_text()
    if whole.count(one.old) != 1:
        return f"its text stands {whole.count(one.old)} times in {one.path}"
    is_schema = "/migrations/" in one.path
    try:
        path.write_text(whole.replace(one.old, one.new))
        code, _said = run(tree, one.test, anew=is_schema)
    finally:
        path.write_text(whole)
    if is_schema:
        (tree / "var" / "test" / "test.sqlite3").unlink(missing_ok=True)
    return "" if code == FAILED else f"pytest answered {code} and not {FAILED}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate")
    parser.add_argument("rules", nargs="*", metavar="RULE", help="these alone, such as U3")
    parser.add_argument("--write", action="store_true", help="only write docs/mutations.md from the list")
    options = parser.parse_args(arguments)
    found = mutations()
    if options.write:
        PAGE.write_text(page(found))
        return 0
    chosen = [one for one in found if not options.rules or one.rule in options.rules]
    unnoticed = 0
    with copy_of_the_tree() as tree:
        tests = sorted({one.test for one in chosen})
        code, said = run(tree, *tests, anew=True)
        if code:
            print(f"{said}\nThe tests do not pass unbroken.")
            return 1
        for one in chosen:
            why = survives(tree, one)
            unnoticed += bool(why)
            print(f"{one.rule:4}{one.path}: {f'NOT NOTICED: {why}' if why else 'noticed'}", flush=True)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} mutations were noticed.")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
