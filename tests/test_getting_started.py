"""Every block of docs/getting-started.md, run in order against a server as it is served: the page cannot go stale."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from config.processes import BASE_DIR, web
from tests.faults.world import installation
from tests.private_servers import free_port, wait_for
from tests.test_client import client  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.processes]
PAGE = BASE_DIR / "docs" / "getting-started.md"
# What a reader installs and starts stands here already.
STARTS = ("git clone", "cd tact", "docker compose", ".venv/bin/pip install", "python3 -m venv", "make client")


class Block(NamedTuple):
    kind: str
    text: str
    line: int


def blocks() -> list[Block]:
    page = PAGE.read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [Block(one[1], one[2], page[: one.start()].count("\n") + 1) for one in found]


def run(folder: Path, url: str, environment: dict[str, str]) -> dict[int, str]:
    """What each block wrote, by its line; one shell for all of them."""
    python = sys.executable
    script = ["set -euo pipefail", f'manage() {{ {python} manage.py "$@"; }}']
    for block in blocks():
        out = folder / f"{block.line}.out"
        text = block.text.replace("http://127.0.0.1:8000", url)
        if block.kind == "sh":
            script.append(f"{{\n{text}\n}} > {out}")
        elif block.kind == "python":
            (folder / f"{block.line}.py").write_text(text)
            script.append(f"{python} {folder}/{block.line}.py > {out}")
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + "".join(
        path.read_text() for path in sorted(folder.glob("*.out"))[-2:]
    )
    return {int(path.stem): path.read_text() for path in folder.glob("*.out")}


def answers(text: str) -> Iterator[Any]:
    """The values that stand one after the other; `…` stands for anything, or for more of it."""
    text = re.sub(r":\s*…", ':"…"', re.sub(r",\s*…\s*\]", ', "…"]', re.sub(r",\s*…\s*\}", "}", text)))
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        yield value


def fits(shown: Any, came: Any) -> bool:
    if shown == "…":
        return True
    if isinstance(shown, dict) and isinstance(came, dict):
        return all(name in came and fits(value, came[name]) for name, value in shown.items())
    if isinstance(shown, list) and isinstance(came, list):
        more = bool(shown) and shown[-1] == "…"
        wanted = shown[:-1] if more else shown
        right_many = len(came) >= len(wanted) if more else len(came) == len(wanted)
        return right_many and all(fits(one, other) for one, other in zip(wanted, came, strict=False))
    if isinstance(shown, str) and isinstance(came, str):
        return re.fullmatch(re.escape(shown).replace("…", ".*"), came) is not None
    return bool(shown == came)


@pytest.fixture
def written(tmp_path: Path, migrated: str, client: Path) -> Iterator[dict[int, str]]:  # noqa: F811
    with installation(tmp_path, migrated) as (environment, _forks):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment |= {"PUBLIC_URL": url, "PYTHONPATH": str(client)}
        process = subprocess.Popen(web(port), cwd=BASE_DIR, env=environment, start_new_session=True)
        try:
            wait_for(port, seconds=120)
            folder = tmp_path / "blocks"
            folder.mkdir()
            yield run(folder, url, {**os.environ, **environment})
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_every_block_of_the_page_does_what_the_page_says(written: dict[int, str]) -> None:
    compared = 0
    for before, shown in pairwise(blocks()):
        if shown.kind == "text":
            assert written[before.line] == shown.text, f"line {shown.line}"
        elif shown.kind == "json":
            wanted, came = list(answers(shown.text)), list(answers(written[before.line]))
            assert len(wanted) == len(came), f"line {shown.line}: {came}"
            for one, other in zip(wanted, came, strict=True):
                assert fits(one, other), f"line {shown.line} shows {one}, and there came {other}"
                compared += 1
    assert compared > 20


def test_every_block_is_run_or_starts_what_is_running_here() -> None:
    told = blocks()
    assert {block.kind for block in told} == {"console", "sh", "json", "python", "text"}
    for before, block in pairwise(told):
        if block.kind == "console":
            assert block.text.startswith(STARTS), f"line {block.line}"
        if "call " in before.text.replace("call() {", "") and before.kind == "sh":
            assert block.kind == "json", f"line {before.line}: what is asked is answered"


def test_what_is_shown_is_held_against_what_comes() -> None:
    """Else the page could show anything."""
    (shown,) = answers('{"a":"x-…","b":[1, …],"c":…, …}')
    assert fits(shown, {"a": "x-1", "b": [1, 2], "c": None, "d": 0})
    for wrong in ({"a": "y", "b": [1], "c": 0}, {"a": "x-", "b": [2], "c": 0}, {"a": "x-", "b": [1]}, {}):
        assert not fits(shown, wrong)
