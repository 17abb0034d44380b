"""A process that was forked ends as any other does: otherwise no fault test would show anything."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.world import installation

pytestmark = pytest.mark.faults


def test_a_fork_ends_as_a_process_does_and_none_is_left(tmp_path: Path, migrated: str) -> None:
    with installation(tmp_path, migrated) as (environment, forks):

        def ends(said: str) -> subprocess.CompletedProcess[str]:
            return forks.run(environment, "manage", "shell", "-v", "0", "-c", said)

        assert (ends("print(5)").returncode, ends("print(5)").stdout) == (0, "5\n")
        assert ends("raise SystemExit(3)").returncode == 3
        refused, failed = ends("raise SystemExit('no')"), ends("1 / 0")
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (1, "no")
        assert (failed.returncode, failed.stderr.splitlines()[-1]) == (
            1,
            "ZeroDivisionError: division by zero",
        )
        assert ends("import os; os.kill(os.getpid(), 9)").returncode == -signal.SIGKILL
        said = "import time; time.sleep(600)"
        one, two = (forks.begin(environment, "manage", "shell", "-v", "0", "-c", said) for _ in range(2))
        assert (one.poll(), two.poll()) == (None, None)
        one.terminate()
        assert one.wait() == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(two.pid, 0)


def test_settings_that_cannot_be_read_begin_nothing(tmp_path: Path, migrated: str) -> None:
    with (
        installation(tmp_path, migrated) as (environment, forks),
        pytest.raises(AssertionError, match="could not begin"),
    ):
        forks.run({**environment, "FIELD_KEYS": "k1:short"}, "manage", "check")
