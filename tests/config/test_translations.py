"""Everything the platform says, it says in Chinese too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import translation

CATALOGUE = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES"


def entries(*, with_context: bool = True) -> list[tuple[str, str]]:
    """(English, Chinese) of every entry, as written in the file."""
    text = (CATALOGUE / "django.po").read_text().split("\n\n", 1)[1]
    found = []
    for block in text.split("\n\n"):
        if "msgctxt" in block and not with_context:
            continue
        parts = {
            name: "".join(re.findall(r'"(.*)"', body))
            for name, body in re.findall(r'^(msgid|msgstr)(?:\[0\])? ((?:".*"\n?)+)', block, re.M)
        }
        if "msgid" in parts:
            found.append((parts["msgid"], parts.get("msgstr", "")))
    return found


def test_nothing_is_left_untranslated():
    assert len(entries()) > 600
    assert [english for english, chinese in entries() if not chinese] == []
    assert "#, fuzzy" not in (CATALOGUE / "django.po").read_text()


def spoken() -> Iterator[tuple[str, str]]:
    """(file, English) of every text that Python code gives to gettext as it stands."""
    for app in ("campaigns", "catalog", "config", "customers", "recommender"):
        for file in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                if name in ("_", "gettext", "gettext_lazy") and isinstance(first, ast.Constant):
                    yield f"{file.name}:{node.lineno}", str(first.value)


def test_every_text_of_the_code_is_in_the_catalogue():
    known = {english.replace('\\"', '"').replace("\\n", "\n") for english, _ in entries()}
    found = list(spoken())
    assert len(found) > 600
    assert [(where, english) for where, english in found if english not in known] == []


def test_placeholders_are_the_same_in_both():
    def named(text: str) -> list[str]:
        return sorted(re.findall(r"%(?:\(\w+\))?[sd]", text))

    assert [english for english, chinese in entries() if named(english) != named(chinese)] == []


def test_the_compiled_catalogue_is_of_this_text():
    with translation.override("zh-hans"):
        for english, chinese in entries(with_context=False):
            if "\\" not in english and "%" not in english:
                assert (
                    translation.gettext(english) == chinese
                    or translation.ngettext(english, english, 2) == chinese
                )
