"""Which tests `make test-services` leaves out without being told: those that ask no database and begin nothing."""

from pathlib import Path

import pytest

from tests.faults.world import installation


def is_once(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("once") is not None


def test_what_asks_no_database_runs_on_one(request: pytest.FixtureRequest) -> None:
    assert is_once(request)


@pytest.mark.django_db
def test_what_asks_a_database_runs_on_each(request: pytest.FixtureRequest) -> None:
    assert not is_once(request)


@pytest.fixture
def through_another(db: None) -> None:
    """Asks for a database itself."""


def test_what_asks_by_a_fixture_runs_on_each(request: pytest.FixtureRequest, through_another: None) -> None:
    assert not is_once(request)


@pytest.mark.processes
def test_what_begins_processes_runs_on_each(request: pytest.FixtureRequest) -> None:
    assert not is_once(request)


def test_the_copy_for_the_faults_has_every_table_and_nobody(migrated: str, tmp_path: Path) -> None:
    with installation(tmp_path, migrated) as (environment, forks):
        done = forks.run(environment, "manage", "migrate", "--check")
        assert done.returncode == 0, done.stdout
        said = "from customers.models import Customer; print(Customer.objects.count())"
        assert forks.run(environment, "manage", "shell", "-v", "0", "-c", said).stdout == "0\n"
