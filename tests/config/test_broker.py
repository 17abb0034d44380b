"""The alarm clock: what it may lose, how it is set, and that the embedded broker shows no message before it is whole."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from kombu import Connection

from campaigns import planning, tasks
from campaigns.models import Decision, Delivery
from config.celery import app
from tests.campaigns.conftest import Sink, people
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import offer as an_offer
from tests.campaigns.conftest import sink as sink
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("config", "campaigns", "recommender", "customers", "catalog")


def test_a_message_is_whole_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path)
    options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": str(tmp_path / "control"),
    }
    replace, named = Path.replace, []

    def watched(path: Path, target: Path) -> Path:
        assert path.read_text().endswith("}")
        assert not Path(target).exists()
        assert len(list(tmp_path.glob("*.msg"))) == len(named)  # none but those that are whole
        named.append(Path(target).name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    with Connection("files://", transport_options=options) as line:
        queue = line.SimpleQueue("tact")
        for n in range(3):
            queue.put({"n": n})
        assert len(named) == 3
        came = [queue.get(timeout=5) for _ in range(3)]
        assert sorted(message.payload["n"] for message in came) == [0, 1, 2]
        for message in came:
            message.ack()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.django_db
def test_r1_what_was_planned_leaves_though_nobody_rang_for_it(
    campaign, sink: Sink, time_machine, django_capture_on_commit_callbacks
) -> None:
    """Planning leaves rows and rings for nobody: a broker that lost everything costs a round of the clock."""
    time_machine.move_to(NOW)
    people(2)
    campaign(an_offer("spring"))
    with django_capture_on_commit_callbacks() as rings:
        planning.plan_due(at=NOW)
    assert rings == []
    rows = Delivery.objects.values_list("decision_id", "status")
    assert sorted(rows) == sorted((pk, "planned") for pk in Decision.objects.values_list("pk", flat=True))
    time_machine.move_to(NOW + timedelta(days=1))
    tasks.deliver_due()
    assert len(sink.recipients()) == 2


def test_r8_the_clock_is_set_so_that_a_lost_worker_loses_nothing() -> None:
    conf = app.conf
    assert (conf.task_acks_late, conf.task_reject_on_worker_lost, conf.worker_prefetch_multiplier) == (
        True,
        True,
        1,
    )
    assert (conf.task_serializer, list(conf.accept_content)) == ("json", ["json"])
    assert {"campaigns.tasks.plan_due", "campaigns.tasks.deliver_due"} <= {
        entry["task"] for entry in conf.beat_schedule.values()
    }


def test_r8_no_task_waits_in_the_broker() -> None:
    """Schedules stand in rows: nowhere is a task given a delay, which Redis would hand out again when it is long."""
    waits = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for app_name in APPS
        for path in (ROOT / app_name).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and {word.arg for word in node.keywords} & {"eta", "countdown"}
    ]
    assert waits == []
