"""Run the suite and the fault tests on PostgreSQL and Redis (`make test-services`).

Tests marked `once` ask neither, or nothing of them that another test does not ask, and are left to `make test`.
Those that have no fixture of a database and begin no programs are marked so by tests/conftest.py.

With DATABASE_URL and REDIS_URL set, those servers are used. Otherwise private ones are started in a temporary
folder, on free ports, and stopped at the end. When the programs are missing this says so and fails.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path


def program(name: str) -> str | None:
    """Where a server's program is, Debian's private folders included."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(debian[0]) if debian else None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"Nothing answers on port {port} after {seconds:.0f} s.")


def start_postgres(folder: Path, stack: ExitStack) -> str:
    initdb, server = program("initdb"), program("postgres")
    if not initdb or not server:
        sys.exit("No PostgreSQL here: install it, or set DATABASE_URL to a server that tests may use.")
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", free_port()
    subprocess.run(
        [*as_user, initdb, "-D", data, "-U", "tact", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    # Nothing here outlives the run, and a query of a few rows is over before it would be compiled.
    options = [
        "-c",
        "fsync=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "jit=off",
        "-c",
        "autovacuum=off",
        "-c",
        "max_connections=100",
    ]
    process = subprocess.Popen(
        [*as_user, server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, *options],
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for(port)
    return f"postgres://tact@127.0.0.1:{port}/postgres"


def start_redis(folder: Path, stack: ExitStack) -> str:
    server = program("redis-server")
    if not server:
        sys.exit("No Redis here: install it, or set REDIS_URL to a server that tests may use.")
    port = free_port()
    process = subprocess.Popen(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for(port)
    return f"redis://127.0.0.1:{port}/0"


def on_server(statement: str, *names: str) -> None:
    """Say that to the PostgreSQL of DATABASE_URL, outside of any transaction; each {} is the next of the names, quoted."""
    import psycopg2  # noqa: PLC0415
    from psycopg2 import sql  # noqa: PLC0415

    line = psycopg2.connect(f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/postgres")
    line.autocommit = True
    line.cursor().execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
    line.close()


def main() -> int:
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="tact-services-", ignore_cleanup_errors=True)
            )
        )
        folder.chmod(0o755)
        (folder / "postgres").mkdir()
        (folder / "redis").mkdir()
        environment = dict(os.environ)
        if "DATABASE_URL" not in environment:
            environment["DATABASE_URL"] = start_postgres(folder / "postgres", stack)
        if "REDIS_URL" not in environment:
            environment["REDIS_URL"] = start_redis(folder / "redis", stack)
        print("The suite on PostgreSQL and Redis.", flush=True)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "not once", *sys.argv[1:]], env=environment, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
