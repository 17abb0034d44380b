"""What the documentation must name, and where its links must lead: these fail when it goes stale."""

import re
from pathlib import Path

import pytest

from config import urls
from recommender.algorithms.presets import BY_LABEL

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("benchmarks/*.md")])


def everything() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def test_every_variable_of_the_environment_stands_in_operations() -> None:
    settings, told = (ROOT / "config" / "settings.py").read_text(), (DOCS / "operations.md").read_text()
    names = set(re.findall(r'(?:env\.\w+|required|environ\.get)\(\s*"([A-Z_]+)"', settings))
    assert {"SECRET_KEY", "DATABASE_URL", "ENV_FILE"} <= names
    assert [name for name in sorted(names) if f"| `{name}` |" not in told] == []


def test_every_command_of_ours_is_told() -> None:
    files = ROOT.glob("*/management/commands/*.py")
    commands = {path.stem for path in files if not path.stem.startswith("_")}
    assert {"serve", "train"} <= commands
    told = everything()
    assert [name for name in sorted(commands) if not re.search(rf"\b{name}\b", told)] == []


def test_every_target_of_make_is_told() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = everything()
    assert "test" in targets
    assert [name for name in targets if not re.search(rf"\bmake {name}(?![\w-])", told)] == []


def test_every_address_of_the_api_is_told() -> None:
    told = (DOCS / "api.md").read_text()
    paths = [re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in urls.api]
    assert [path for path in paths if f"`{path}`" not in told] == []


def test_every_algorithm_is_told() -> None:
    told = "\n".join(page.read_text() for page in (DOCS / "algorithms").glob("*.md"))
    assert [label for label in BY_LABEL if f"`{label}`" not in told] == []


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings: letters, digits and dashes; a second one of the same words gets -1."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _hash, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
