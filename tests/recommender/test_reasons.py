"""Every sentence that says why a training ended as it did is known to the desk by its form."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from recommender.admin import reasons
from recommender.models import TrainingRun
from tests import desk

ROOT = Path(__file__).resolve().parent.parent.parent / "recommender"
RAISED = {"TooLittle", "NotEnoughData", "TooFewTexts", "Verdict"}
# Texts that another sentence is put into, or that are somebody else's.
WHY = {"reason", "refused"}


def texts(node: ast.AST) -> Iterator[str]:
    """What an expression may say, with a made-up value in each place."""
    match node:
        case ast.Constant(value=str(said)):
            yield said
        case ast.IfExp():
            yield from texts(node.body)
            yield from texts(node.orelse)
        case ast.JoinedStr(values=values):
            yield "".join(_part(value) for value in values)


def _part(value: ast.AST) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    assert isinstance(value, ast.FormattedValue)
    match value.value:
        case ast.Name(id=name) if name in WHY:
            return "newest behaviour"
        case ast.Name(id="when"):
            return "more than once"
        case ast.Name(id="name"):
            return "churn"
    # `purpose` stands at the beginning of its sentence.
    return "To learn from" if "purpose" in ast.unparse(value.value) else "7"


def said() -> Iterator[tuple[str, str]]:
    """(file, sentence) of everything that training, evaluation and the algorithms give as a reason."""
    for path in sorted([*ROOT.glob("training/*.py"), ROOT / "evaluation.py", *ROOT.glob("algorithms/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            found: list[ast.AST] = []
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in RAISED:
                    found += node.args
                is_log = isinstance(node.func, ast.Attribute) and node.func.attr in (
                    "error",
                    "warning",
                    "info",
                )
                found += [word.value for word in node.keywords if word.arg == "reason" and not is_log]
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found += [value for key, value in pairs if getattr(key, "value", "") in ("refused", "reason")]
            if isinstance(node, ast.Assign):
                names = [getattr(target, "id", "") for target in node.targets]
                subscript = [target for target in node.targets if isinstance(target, ast.Subscript)]
                if names[0] in ("reason", "sentence") or any(
                    "_refused" in ast.unparse(one) for one in subscript
                ):
                    found.append(node.value)
            for expression in found:
                for text in texts(expression):
                    yield path.name, text


def test_every_reason_that_is_given_is_known() -> None:
    found = list(said())
    assert len(found) > 25
    assert [one for one in found if not reasons.is_known(one[1])] == []


def steps() -> Iterator[tuple[str, str]]:
    """(file, words) of everything that a training says it is doing."""
    for path in sorted(ROOT.glob("training/*.py")):
        tree = ast.parse(path.read_text())
        values = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "progress"):
                continue
            match node.args[1]:
                case ast.JoinedStr(values=[ast.Constant(value="measuring: "), *_]):
                    yield from ((path.name, f"measuring: {how}") for how in texts(values["how"]))
                case words:
                    yield from ((path.name, text) for text in texts(words))


def test_every_step_that_is_told_is_known() -> None:
    found = list(steps())
    assert len(found) > 15
    assert ("sentiment.py", "measuring: the newest fifth") in found
    assert [one for one in found if not reasons.is_known(one[1])] == []


@pytest.mark.parametrize("form", reasons.FORMS)
def test_every_form_is_told_with_its_own_numbers(form: str) -> None:
    names = re.findall(r"%\((\w+)\)s", form)
    values = {name: f"{place}1" for place, name in enumerate(names)} | {"why": "newest behaviour"}
    with translation.override("zh-hans"):
        told = reasons.told(form % values)
        assert told == translation.gettext(form) % (values | {"why": translation.gettext("newest behaviour")})


def test_several_reasons_and_an_unknown_one_are_told_too() -> None:
    both = "purchase: 90 days of orders are needed; there are 3. The shop's rhythm needs 30 people who ordered twice; there are 2."
    assert reasons.is_known(both)
    unknown = "OSError: [Errno 28] No space left on device"
    with translation.override("zh-hans"):
        assert reasons.told(unknown) == unknown
    assert reasons.told(both) == both


@pytest.mark.django_db
def test_the_list_of_trainings_keeps_what_programs_read_and_tells_it_at_the_desk() -> None:
    why = "Only 3 people can be validated on; choosing needs 20."
    run = TrainingRun.objects.create(task="recommend", state="done", result={"refused": why})
    client = Client()
    client.force_login(desk.staff())
    client.cookies["django_language"] = "zh-hans"
    with translation.override("zh-hans"):
        told = reasons.told(why)
    page = client.get(reverse("admin:recommender_trainingrun_changelist")).content.decode()
    assert told in page
    run.refresh_from_db()
    assert run.result == {"refused": why}
