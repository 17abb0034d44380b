"""An installation of its own with a sink of its own, for the faults of keeping."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.keeping import Keeping
from tests.faults.world import ROOT, database
from tests.private_servers import free_port, wait_for


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    port = free_port()
    with database(tmp_path) as url:
        environment = {
            **os.environ,
            "VAR_DIR": str(tmp_path / "var"),
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
            "POSTAL_ADDRESS": "Shop, 1 Example Street, 10115 Berlin",
        }
        environment.pop("DATABASE_URL", None)
        if url:
            environment["DATABASE_URL"] = url
        where = ["--outbox", str(tmp_path / "outbox"), "--log", str(tmp_path / "sink.log")]
        sink = subprocess.Popen(
            [sys.executable, "manage.py", "mail_sink", "--port", str(port), *where], cwd=ROOT, env=environment
        )
        try:
            wait_for(port, seconds=120)
            yield Keeping(tmp_path, environment, port)
        finally:
            sink.terminate()
            sink.wait()
