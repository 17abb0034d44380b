"""A training can be called off at any moment before it goes live, and is never done by two workers."""

import signal
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import consent
from recommender import training
from recommender.models import ModelVersion, TrainingRun
from recommender.training import leases, running
from recommender.training.leases import Cancelled, TakenOver, Watch
from tests import desk
from tests.conftest import NOW, Caller
from tests.recommender.test_training_and_serving import shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
FEW = ["frequency", "popularity", "item_knn"]


def claimed(task: str = "recommend", *, at: datetime = NOW) -> TrainingRun:
    training.ask(task, algorithms=FEW if task == "recommend" else None)
    run = training.claim(at=at)
    assert run is not None
    return run


def cancels_at(step: str, run: TrainingRun):
    """Somebody presses the button while the training does `step`."""

    def tell(share: float, now: str) -> None:
        if now == step:
            training.cancel(run, by="marta", at=NOW)

    return tell


def test_a_waiting_training_is_cancelled_at_once_and_nobody_takes_it() -> None:
    run = training.cancel(training.ask("clusters"), by="marta", at=NOW)
    assert (run.state, run.cancelled_by, run.cancel_asked_at, run.ended_at) == (
        "cancelled",
        "marta",
        NOW,
        NOW,
    )
    assert training.claim(at=NOW) is None
    assert training.cancel(run, by="boss", at=NOW).cancelled_by == "marta"  # twice is once


@pytest.mark.parametrize(
    "step",
    ["reading what people did", "item_knn", "the held-out month: popularity", "learning from everything"],
)
def test_a_running_one_stops_at_its_next_step_and_nothing_goes_live(shop: list[str], step: str) -> None:
    run = claimed()
    done = training.work(run, at=NOW, tell=cancels_at(step, run))
    assert (done.state, done.result, done.cancelled_by) == ("cancelled", {}, "marta")
    assert done.ended_at is not None
    assert not ModelVersion.objects.exists()
    assert training.claim(at=NOW + 2 * training.LEASE) is None


def test_what_served_before_goes_on_serving(shop: list[str]) -> None:
    training.work(claimed(), at=NOW)
    before = list(ModelVersion.objects.order_by("pk").values_list("pk", "state"))
    run = claimed()
    training.work(run, at=NOW, tell=cancels_at("learning from everything", run))
    assert list(ModelVersion.objects.order_by("pk").values_list("pk", "state")) == before


def test_what_is_going_live_or_has_ended_cannot_be_cancelled(shop: list[str]) -> None:
    run = claimed()
    with transaction.atomic():
        leases.go_live(run)
    with pytest.raises(training.TooLate, match="going live"):
        training.cancel(run, by="marta", at=NOW)
    done = training.work(claimed(), at=NOW)
    with pytest.raises(training.TooLate, match="ended"):
        training.cancel(done, by="marta", at=NOW)
    done.refresh_from_db()
    assert (done.state, done.cancel_asked_at) == ("done", None)


def test_progress_renews_the_lease_so_that_a_long_training_is_not_taken_twice() -> None:
    run = claimed("clusters")
    hour = NOW
    watch = Watch(run, now=lambda: hour, tell=None)
    for _ in range(4):
        hour += timedelta(minutes=25)
        watch(0.5, "a long step")
        assert training.claim(at=hour + timedelta(minutes=29)) is None
    again = training.claim(at=hour + timedelta(minutes=31))
    assert again is not None
    assert (again.pk, again.attempt) == (run.pk, 2)


def test_a_check_asks_the_row_once_a_second_at_the_most(django_assert_num_queries, monkeypatch) -> None:
    run = claimed("clusters")
    watch = Watch(run, now=lambda: NOW, tell=None)
    with django_assert_num_queries(0):
        watch.check()
    monkeypatch.setattr(leases, "LOOK_S", 0.0)
    watch.check()
    training.cancel(run, by="marta", at=NOW)
    with pytest.raises(Cancelled):
        watch.check()


def test_a_worker_that_lost_its_lease_finds_out_and_changes_nothing(shop: list[str], monkeypatch) -> None:
    late = claimed()
    later = NOW + training.LEASE + timedelta(seconds=1)
    ours = training.claim(at=later)
    assert ours is not None
    with pytest.raises(TakenOver):
        leases.go_live(late)
    answered = training.work(late, at=NOW)
    assert (answered.state, answered.attempt, answered.ended_at) == ("running", 2, None)
    assert not ModelVersion.objects.exists()
    assert training.work(ours, at=later).state == "done"


def test_cancelling_what_a_dead_worker_left_is_done_at_once() -> None:
    run = claimed("clusters")
    training.cancel(run, by="marta", at=NOW)  # its worker dies before it looks
    assert training.claim(at=NOW + timedelta(hours=1)) is None
    run.refresh_from_db()
    assert run.state == "cancelled"
    dead = claimed("clusters")
    dead = training.cancel(dead, by="marta", at=NOW + timedelta(hours=1))
    assert dead.state == "cancelled"


def test_a_training_that_kills_its_workers_is_set_aside() -> None:
    training.ask("clusters")
    hour = NOW
    for attempt in range(1, leases.MOST_ATTEMPTS + 1):
        run = training.claim(at=hour)
        assert run is not None
        assert run.attempt == attempt
        hour += training.LEASE + timedelta(seconds=1)
    assert training.claim(at=hour) is None
    run.refresh_from_db()
    assert run.state == "failed"
    assert "5 workers died" in run.result["error"]


def test_ctrl_c_and_sigterm_cancel_the_commands_training(shop: list[str], monkeypatch) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM):

        def interrupted(run, progress, at, sign=sign):
            progress(0.5, "half way")
            signal.raise_signal(sign)
            progress(0.6, "never told")

        monkeypatch.setitem(running.TASKS, "clusters", interrupted)
        with pytest.raises(CommandError, match="nothing of it went live") as told:
            call_command("train", "--task", "clusters")
        assert told.value.returncode == 130
        run = TrainingRun.objects.latest("id")
        assert (run.state, run.step, run.progress) == ("cancelled", "", 0.5)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_command_says_who_cancelled_it(shop: list[str], monkeypatch) -> None:
    def cancelled(run, progress, at):
        training.cancel(run, by="marta", at=at)
        progress(0.5, "half way")

    monkeypatch.setitem(running.TASKS, "clusters", cancelled)
    with pytest.raises(CommandError, match="Cancelled by marta"):
        call_command("train", "--task", "clusters")


def test_what_remains_is_judged_by_the_last_training_of_its_kind() -> None:
    TrainingRun.objects.create(
        task="clusters", state="done", started_at=NOW, ended_at=NOW + timedelta(seconds=100),
        pace={"first": 0.0, "second": 40.0},
    )  # fmt: skip
    run = claimed("clusters")
    at = NOW + timedelta(seconds=30)
    assert training.seconds_left(run, at=at) is None  # no step yet
    run.pace, run.step = {"first": 0.0}, "first"
    assert training.seconds_left(run, at=at) == 100 - 30
    run.pace, run.step = {"first": 0.0, "second": 20.0}, "second"  # twice as fast: 60 s of then are 30 s now
    assert training.seconds_left(run, at=at) == 30 - 10
    assert training.seconds_left(run, at=NOW + timedelta(hours=1)) == 0
    run.step = "unheard of"
    assert training.seconds_left(run, at=at) is None
    run.algorithms = ["ease"]
    assert training.seconds_left(run, at=at) is None


def test_the_api_cancels_and_says_so(server: Caller) -> None:
    waiting = server("POST", "models/train", {"task": "clusters"}).body["id"]
    answer = server("POST", f"training-runs/{waiting}/cancel")
    assert (answer.status, answer.body["state"], answer.body["is_cancelled"]) == (200, "cancelled", True)
    run = claimed("clusters", at=timezone.now())
    answer = server("POST", f"training-runs/{run.pk}/cancel")
    assert (answer.status, answer.body["state"], answer.body["is_cancelled"]) == (202, "running", True)
    assert training.work(run, at=NOW).state == "cancelled"
    assert server("GET", f"training-runs/{run.pk}").body["state"] == "cancelled"
    done = TrainingRun.objects.create(task="clusters", state="done")
    answer = server("POST", f"training-runs/{done.pk}/cancel")
    assert (answer.status, answer.body["code"]) == (409, "ended")
    assert server("POST", "training-runs/0/cancel").status == 404


def test_the_desk_asks_before_it_cancels_and_says_what_came_of_it() -> None:
    client = Client()
    client.force_login(desk.staff())
    run = training.ask("clusters")
    page, button = (
        reverse(f"admin:recommender_trainingrun_{name}", args=[run.pk]) for name in ("change", "cancel")
    )
    assert button in client.get(page).content.decode()
    assert "Nothing of it goes live" in client.get(button).content.decode()
    run.refresh_from_db()
    assert run.state == "waiting"  # looking changes nothing
    told = client.post(button, follow=True).content.decode()
    assert "It is cancelled." in told
    run.refresh_from_db()
    assert (run.state, run.cancelled_by) == ("cancelled", "marta")
    assert button not in client.get(page).content.decode()
    assert "there is nothing to cancel" in client.post(button, follow=True).content.decode()


def test_a_running_training_is_told_to_be_stopping() -> None:
    client = Client()
    client.force_login(desk.staff())
    run = claimed("clusters", at=timezone.now())
    told = client.post(
        reverse("admin:recommender_trainingrun_cancel", args=[run.pk]), follow=True
    ).content.decode()
    assert "It stops at its next step." in told
    assert "stopping" in told


def test_cancelling_leaves_no_file_behind_that_serves(shop: list[str], settings) -> None:
    run = claimed()
    training.work(run, at=NOW, tell=cancels_at("learning from everything", run))
    training.drop_files(at=NOW + timedelta(days=3650))
    assert list(settings.MODEL_DIR.glob("*")) == []


def test_whoever_withdrew_meanwhile_is_not_learnt_by_a_training_begun_again(shop: list[str]) -> None:
    run = claimed()
    training.work(run, at=NOW, tell=cancels_at("item_knn", run))
    gone = next(pk for pk in consent.permitted("personalization").values_list("pk", flat=True)[:1])
    consent.withdraw(gone, "personalization", method="m", source="s", actor="a", at=NOW)
    training.work(claimed(), at=NOW)
    assert ModelVersion.objects.get(task="recommend").people == 107
