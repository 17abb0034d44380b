"""Full campaigns through the platform, apart from the installation, and the command that tells of them."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from campaigns.management.commands import prove_statistics
from campaigns.proof import apart, choosing, estimators, shop
from campaigns.proof.lines import Line
from campaigns.proof.shop import Run
from tests.campaigns.conftest import Sink

pytestmark = pytest.mark.once


def run(seed: int = 1, *, low: float = 0.0, high: float = 2.0, why: str = "") -> Run:
    return Run(seed, 1.0, 1.0, low, high, "cannot_tell", 0.1, 500, 480, 300, why)


@pytest.fixture
def in_a_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the proofs in arrays only the smallest part: they have their own tests."""
    for room, names in (
        (estimators, ("FIXED_RUNS", "PEEKED_RUNS", "SEVERAL_RUNS")),
        (choosing, ("BANDIT_RUNS", "UPLIFT_WORLDS", "REPLAY_RUNS")),
    ):
        for name in names:
            monkeypatch.setattr(room, name, 2 * prove_statistics.QUICK)


@pytest.mark.slow
@pytest.mark.usefixtures("in_a_few_runs")
def test_campaigns_are_played_through_the_platform_and_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    settings.VAR_DIR = tmp_path / "var"  # other processes of the suite write into theirs meanwhile
    settings.VAR_DIR.mkdir()
    out = StringIO()
    monkeypatch.setattr(
        "os.cpu_count", lambda: 1
    )  # so that one process plays both, the second after the first
    call_command("prove_statistics", "--quick", "--json", "--seeds", "2", "--people", "160", stdout=out)
    told = json.loads(out.getvalue())
    lines = {line["key"]: line for line in told["lines"]}
    full = lines["full_runs"]
    assert (told["seeds"], full["runs"], lines["full_runs_shown"]["figure"]) == (2, 2, 1.0)
    assert full["least"] == 0.92
    # Of 160 people 94 in a hundred allow mail, three quarters of them are treated, and 94 in a hundred can be reached.
    assert 160 < int(full["note"].partition(" mails")[0]) < 260
    assert list(tmp_path.glob("tact-proof-*")) == []
    assert list(settings.VAR_DIR.iterdir()) == []


@pytest.mark.django_db
def test_the_same_seed_plays_the_same_campaign(sink: Sink) -> None:
    log = sink.folder.with_suffix(".log")
    played = []
    for _ in range(2):
        with transaction.atomic():
            played.append(shop.run(7, people=120, sink_log=log))
            transaction.set_rollback(True)
    one, same = played
    assert one == same
    # Planned are those who allow mail, measured those of them who allow that too, sent to those treated whom mail reaches.
    assert 0 < one.sent < one.measured < one.planned < 120
    assert one.low < one.effect < one.high
    assert len(sink.recipients()) == len(sink.mails()) == 2 * one.sent


@pytest.mark.django_db
def test_a_run_whose_mails_the_server_did_not_see_is_no_proof(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(shop.NotAsPlanned, match="the mail server took in 0"):
        shop.run(7, people=60, sink_log=tmp_path / "another.log")


def test_work_is_shared_out_and_nobody_is_started_for_nothing() -> None:
    assert apart.plan(200, 2) == [(0, 100), (100, 100)]
    assert apart.plan(5, 2) == [(0, 3), (3, 2)]
    assert apart.plan(1, 4) == [(0, 1)]
    assert apart.plan(0, 4) == []


def test_a_folder_that_is_not_the_settings_is_not_played_in(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing was touched"):
        call_command("prove_statistics", "--inside", str(tmp_path), "--seeds", "1")
    assert list(tmp_path.iterdir()) == []


def test_a_negative_number_of_runs_is_one_clear_line() -> None:
    with pytest.raises(CommandError, match="nought or more"):
        call_command("prove_statistics", "--seeds", "-1")


def test_the_full_runs_line_counts_those_whose_report_showed_an_effect() -> None:
    runs = [run(1), run(2, low=1.5), run(3, why="Too early")]
    held, shown = shop.lines(runs, full=200)
    assert (held.figure, held.runs) == (0.5, 2)
    assert held.note == "900 mails, intervals 10% narrower by CUPED"
    assert (round(shown.figure, 2), shown.runs, shown.note) == (0.67, 3, "1 without: Too early")
    held, shown = shop.lines([run(n, why="Too early") for n in range(200)], full=200)
    assert (held.runs, held.verdict, shown.verdict) == (0, "too few runs", "does not hold")
    assert shop.lines([], full=200) == []


KEPT = Line("kept", "One that is kept", 0.95, 0.94, 0.96, 0.94, 0.96, 10, True, "a note")
BROKEN = Line("broken", "One that is not", 0.07, 0.06, 0.08, None, 0.05, 10, True)


def test_the_command_fails_where_a_promise_is_not_kept() -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        prove_statistics.Command(stdout=out).tell([KEPT, BROKEN], seeds=1, as_json=False)
    assert end.value.code == 1
    rows = out.getvalue().splitlines()
    assert rows[1].split()[-1] == "holds"
    assert rows[2] == "    a note"
    assert rows[3].endswith("does not hold")


def test_a_machine_reads_the_same() -> None:
    out = StringIO()
    prove_statistics.Command(stdout=out).tell([KEPT], seeds=1, as_json=True)
    told = json.loads(out.getvalue())
    assert (told["seeds"], told["holds"], told["lines"]) == (1, True, [{**vars(KEPT), "verdict": "holds"}])
    with pytest.raises(SystemExit):
        prove_statistics.Command(stdout=out).tell([KEPT, BROKEN], seeds=1, as_json=True)
