"""The processes of one installation, started together and stopped together."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

BASE_DIR = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """On Linux the child gets SIGTERM when its parent dies, so that a killed supervisor leaves no orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def web(port: int, *, threads: int = 8, workers: int = 1) -> list[str]:
    options = [
        "--worker-class",
        "gthread",
        "--workers",
        str(workers),
        "--threads",
        str(threads),
        "--no-control-socket",
    ]
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        *options,
        "--log-level",
        "warning",
    ]


def worker() -> list[str]:
    # Threads: one process that shares its memory; the web stays its own, so training cannot starve it.
    options = [
        "--pool",
        "threads",
        "--concurrency",
        "2",
        "--loglevel",
        "WARNING",
        "--without-gossip",
        "--without-mingle",
    ]
    return [sys.executable, "-m", "celery", "-A", "config", "worker", *options]


def scheduler() -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "config", "beat", "--loglevel", "WARNING"]


@dataclass
class Processes:
    """Children by name. Use as a context: leaving it stops them all, the last started first."""

    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str]) -> None:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1"}
        self.running[name] = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=BASE_DIR, env=environment, preexec_fn=die_with_parent, start_new_session=True
        )

    def watch(self) -> int:
        """Wait until SIGTERM or Ctrl-C (answers 0) or until a child ends by itself (answers 1, naming it)."""

        def stop(signum: int, frame: FrameType | None) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, stop)
        try:
            while True:
                for name, process in self.running.items():
                    if (code := process.poll()) is not None:
                        sys.stderr.write(
                            f"{name} ended by itself with exit code {code}; stopping the others.\n"
                        )
                        return 1
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
