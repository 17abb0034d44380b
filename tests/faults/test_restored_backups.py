"""An old backup is restored with a campaign due: whoever left since is gone before the first answer, nothing is sent."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config import processes
from tests.faults.forks import ROOT
from tests.faults.keeping import Keeping, status
from tests.private_servers import free_port, on_server, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.slow]
PEOPLE = 40
WITHDRAWN = [f"c{n:03}" for n in range(10)]
ERASED = [f"c{n:03}" for n in range(10, 20)]


@contextmanager
def web(keeping: Keeping, **environment: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        processes.web(port),
        cwd=ROOT,
        env={**keeping.environment, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
    )
    try:
        wait_for(port, seconds=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_d3_a_restored_backup_replays_before_it_answers_and_sends_nothing_until_released(
    keeping: Keeping,
) -> None:
    assert keeping.run("setup", str(PEOPLE)).returncode == 0
    assert json.loads(keeping.manage("release_sending", "--json").stdout)["held_since"] is None
    pages = json.loads(keeping.do("links", f"{ERASED[0]},c030").stdout)
    backup = keeping.back_up()
    assert keeping.do("demand", ",".join(WITHDRAWN), ",".join(ERASED)).returncode == 0
    keeping.restore(backup)

    with web(keeping) as address:
        assert status(address + pages[ERASED[0]]) == 404  # the very first answer
        assert status(address + pages["c030"]) == 200
    # Nothing is sent, though a campaign is due, by whoever starts.
    assert keeping.run("send", "none", "0", "0").returncode == 0
    assert keeping.log() == []
    here = {f"c{n:03}" for n in range(PEOPLE)} - {*ERASED}
    assert keeping.fates() == dict.fromkeys(here, "planned")
    told = keeping.manage("release_sending")
    assert told.returncode == 1
    assert "a backup was restored" in told.stdout

    assert keeping.manage("release_sending", "--by", "Olga").returncode == 0
    assert keeping.run("send", "none", "0", "0").returncode == 0
    written_to = {recipient.partition("@")[0] for recipient, _id in keeping.log()}
    assert written_to == {f"c{n:03}" for n in range(20, PEOPLE)}
    assert {keeping.fates()[name] for name in WITHDRAWN} == {"suppressed"}
    again = keeping.manage("release_sending", "--json")
    assert (again.returncode, json.loads(again.stdout)["held_since"]) == (0, None)


def test_d3_a_copy_holds_sending_and_the_original_goes_on(keeping: Keeping) -> None:
    assert keeping.run("setup", "10").returncode == 0
    backup = keeping.back_up()
    # The copy brings its journal along, as a copied folder does; its database is another one all the same.
    folder = keeping.folder / "copy"
    shutil.copytree(keeping.environment["VAR_DIR"], folder)
    original, url = dict(keeping.environment), keeping.url
    keeping.environment["VAR_DIR"] = str(folder)
    if url:
        on_server("CREATE DATABASE {}", f"{url.rpartition('/')[2]}_copy")
        keeping.environment["DATABASE_URL"] = f"{url}_copy"
    keeping.restore(backup)
    try:
        assert keeping.run("send", "none", "0", "0").returncode == 0
        assert keeping.log() == []
        assert "or a copy" in keeping.manage("release_sending").stdout
        keeping.environment = original
        assert keeping.run("send", "none", "0", "0").returncode == 0
        assert len(keeping.log()) == 10
    finally:
        if url:
            on_server("DROP DATABASE {} WITH (FORCE)", f"{url.rpartition('/')[2]}_copy")
