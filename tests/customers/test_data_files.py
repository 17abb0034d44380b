"""A file has its name once it is whole, is its owner's alone, and is gone when it is old."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from customers import data_files
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _files_of_its_own(settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def made(*, of_people: bool, days_ago: float = 0) -> Path:
    path = data_files.path_of(uuid4(), of_people=of_people)
    with data_files.draft(path) as file:
        file.write(b"rows")
    old = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path, (old, old))
    return path


def test_a_draft_takes_its_name_at_its_end_and_nobody_else_may_read_it() -> None:
    path = data_files.path_of(uuid4(), of_people=True)
    with data_files.draft(path) as file:
        file.write(b"half")
        (draft,) = data_files.folder().iterdir()
        assert (draft.name[0], draft.stat().st_mode & 0o777) == (".", 0o600)
        assert not path.exists()
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"half", 0o600)
    assert list(data_files.folder().iterdir()) == [path]


def test_after_an_error_there_is_no_file() -> None:
    path = data_files.path_of(uuid4(), of_people=True)
    with pytest.raises(ZeroDivisionError), data_files.draft(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(data_files.folder().iterdir()) == []


def test_a_draft_that_was_taken_away_never_gets_the_name() -> None:
    path = data_files.path_of(uuid4(), of_people=True)
    with pytest.raises(FileNotFoundError), data_files.draft(path) as file:
        file.write(b"half")
        assert data_files.drop_of_people()
    assert list(data_files.folder().iterdir()) == []


def test_what_holds_people_goes_and_the_rest_stays() -> None:
    people, things = made(of_people=True), made(of_people=False)
    assert data_files.drop_of_people()
    assert (people.exists(), things.exists()) == (False, True)
    assert not data_files.drop_of_people()


def test_files_are_kept_for_seven_days() -> None:
    old, new = made(of_people=False, days_ago=7.1), made(of_people=False, days_ago=6.9)
    assert data_files.drop_old(at=NOW)
    assert (old.exists(), new.exists()) == (False, True)
