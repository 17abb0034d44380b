"""Everything the platform says, it says in Chinese too."""

import re
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
