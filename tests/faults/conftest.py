"""An installation of its own with a sink of its own, for the faults of sending and of keeping."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.keeping import Keeping
from tests.faults.world import World, installation
from tests.private_servers import free_port, wait_for


@contextmanager
def with_a_sink(folder: Path, migrated: str) -> Iterator[Keeping]:
    port = free_port()
    with installation(folder, migrated) as (environment, forks):
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        world = Keeping(folder, environment, forks)
        where = ["--outbox", str(folder / "outbox"), "--log", str(folder / "sink.log")]
        sink = world.begin("manage", "mail_sink", "--port", str(port), *where)
        try:
            wait_for(port, seconds=120)
            yield world
        finally:
            sink.terminate()
            sink.wait()


@pytest.fixture
def world(tmp_path: Path, migrated: str) -> Iterator[World]:
    with with_a_sink(tmp_path, migrated) as made:
        yield made


@pytest.fixture
def keeping(tmp_path: Path, migrated: str) -> Iterator[Keeping]:
    with with_a_sink(tmp_path, migrated) as made:
        yield made
