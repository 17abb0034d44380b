"""Processes of an installation that begin at once: forked from one that has loaded everything and touched nothing.

Django takes seconds to load, and a fault test starts dozens of processes to kill them. Each child is a process like
any other: its own memory, its own lines to the database, dead by the same signals. The one it is forked from has
opened no file, no line to a database, and no thread of its own.

Run as a program it is that one: a line of JSON asks it to begin a process or how one is.
"""

import json
import os
import runpy
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
LOADED = ("config.urls", "campaigns.tasks", "customers.tasks", "recommender.tasks", "catalog.imports")


# --- the one that forks ----------------------------------------------------------------------------------------------


def be(module: str, arguments: list[str], out: str, err: str) -> NoReturn:
    """Become `python -m module arguments`, its output in these files."""
    code = 1
    try:
        for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
            file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(file, number)
            os.close(file)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer each line; at the end of them kill what is left."""
    ended: dict[int, int] = {}
    begun: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "module" in asked:
            pid = os.fork()
            if pid == 0:
                be(asked["module"], asked["arguments"], asked["out"], asked["err"])
            begun.add(pid)
            answer: int | None = pid
        else:
            pid = asked["how_is"]
            if pid not in ended:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            answer = ended.get(pid)
        print(json.dumps(answer), flush=True)
    for pid in begun - ended.keys():
        os.kill(pid, 9)
        os.waitpid(pid, 0)


# --- the parent's side -------------------------------------------------------------------------------------------------


class Fork:
    """One process; to be asked as a `subprocess.Popen` is."""

    def __init__(self, of: "_Forking", pid: int, out: Path, err: Path) -> None:
        self.of, self.pid, self.out, self.err = of, pid, out, err
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.of.ask({"how_is": self.pid})
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        """How it ended; the negative signal when killed. Raises TimeoutExpired."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def communicate(self, timeout: float = 600) -> tuple[str, str]:
        self.wait(timeout)
        return self.out.read_text("utf-8", "replace"), self.err.read_text("utf-8", "replace")

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, 15)


class _Forking:
    """The process that has loaded everything, of one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            cwd=ROOT, env=dict(environment), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, question: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "it could not begin in this environment, or has died: see what it printed"
        return json.loads(answer)


class Forks:
    """Begins processes of an installation; `close` ends all of them."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes what they print."""
        self.folder = folder
        self._numbers = count()
        self._of: dict[tuple[tuple[str, str], ...], _Forking] = {}

    def begin(self, environment: Mapping[str, str], module: str, *arguments: str) -> Fork:
        """`python -m module arguments` in this environment."""
        key = tuple(sorted(environment.items()))
        of = self._of.get(key) or self._of.setdefault(key, _Forking(environment))
        number = next(self._numbers)
        out, err = (self.folder / f"{number}.{name}" for name in ("out", "err"))
        asked = {"module": module, "arguments": arguments, "out": str(out), "err": str(err)}
        return Fork(of, of.ask(asked), out, err)

    def run(
        self, environment: Mapping[str, str], module: str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """The same, to its end, which must come within 25 minutes."""
        fork = self.begin(environment, module, *arguments)
        out, err = fork.communicate(timeout=1500)
        return subprocess.CompletedProcess([module, *arguments], fork.wait(), out, err)

    def close(self) -> None:
        for of in self._of.values():
            of.process.communicate()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    import tests.environment

    assert tests.environment
    django.setup()
    for name in LOADED:
        import_module(name)
    serve()
