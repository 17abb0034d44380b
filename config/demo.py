"""`make demo`: the whole street on one machine, with nothing to install but Python.

Every step is a command of manage.py that anyone can run by hand; this file only runs them in order, in one process,
and keeps the clock. Running it again is safe: what has been done is not done twice, and the report is printed anew.
"""

import argparse
import base64
import json
import os
import resource
import secrets
import socket
import sys
import time
from io import StringIO
from pathlib import Path
from typing import TextIO

import django
from django.core.management import CommandError, call_command

from config.processes import BASE_DIR, Processes, free_port, scheduler, web, worker


class Failed(Exception):
    """A step of the demo failed; its own message stands above."""


class Demo:
    """One demo in its own folder under `var/`, so that two kinds of data never mix."""

    def __init__(self, *, folder: Path, port: int) -> None:
        self.folder, self.port, self.sink_port = folder, port, free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state_file = folder / "demo.json"
        self.state: dict[str, str] = (
            json.loads(self.state_file.read_text()) if self.state_file.exists() else {}
        )
        self.began = time.monotonic()

    def remember(self, **values: str) -> None:
        self.state |= values
        self.state_file.write_text(json.dumps(self.state, indent=1))
        self.state_file.chmod(0o600)

    def say(self, what: str) -> None:
        sys.stdout.write(f"\n[{time.monotonic() - self.began:6.1f} s] {what}\n")
        sys.stdout.flush()

    def environment(self) -> None:
        """Secrets made once and kept in the folder, and the variables every process inherits.

        They stand in demo.env, too: with ENV_FILE any other terminal works on the demo.
        """
        if "secret_key" not in self.state:
            field_key = base64.b64encode(secrets.token_bytes(32)).decode()
            self.remember(
                secret_key=secrets.token_urlsafe(50),
                field_keys=f"demo:{field_key}",
                password=secrets.token_urlsafe(12),
            )
        if "ledger_key" not in self.state:
            self.remember(ledger_key=base64.b64encode(secrets.token_bytes(32)).decode())
        shared = {
            "SECRET_KEY": self.state["secret_key"],
            "FIELD_KEYS": self.state["field_keys"],
            "LEDGER_KEY": self.state["ledger_key"],
            "VAR_DIR": str(self.folder.resolve()),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.sink_port}",
            "POSTAL_ADDRESS": "Tact Demo Shop, 1 Example Street, 10115 Berlin",
            "DEMO": "1",
            "APPROVAL_ABOVE": "1000000",  # the demo has one person
        }
        env_file = self.folder / "demo.env"
        env_file.touch(mode=0o600)
        env_file.write_text("".join(f"{name}={value}\n" for name, value in shared.items()))
        os.environ.update(
            shared, ENV_FILE="", DJANGO_SETTINGS_MODULE="config.settings", OPENBLAS_NUM_THREADS="2"
        )

    def manage(self, *arguments: str) -> None:
        """Run a command of manage.py with its output shown. Raises Failed."""
        self._run(arguments, sys.stdout)

    def ask(self, *arguments: str) -> str:
        """Run a command of manage.py and give back what it printed. Raises Failed."""
        told = StringIO()
        self._run(arguments, told)
        return told.getvalue()

    def _run(self, arguments: tuple[str, ...], out: TextIO) -> None:
        try:
            call_command(*arguments, stdout=out)
        except CommandError as error:
            raise Failed(f"manage.py {arguments[0]}: {error}") from error
        except SystemExit as end:
            if end.code:
                raise Failed(f"manage.py {arguments[0]}") from end

    def key(self) -> str:
        if "api_key" not in self.state:
            made = json.loads(self.ask("create_key", "--kind", "secret", "--label", "demo shop", "--json"))
            self.remember(api_key=made["key"])
        return self.state["api_key"]


def wait_for(port: int, *, seconds: float = 30) -> None:
    """Until something listens on the port. Raises Failed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Failed(f"nothing answers on port {port}")


def require_free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Failed(f"port {port} is taken; stop what listens there, or choose another with PORT=…")


def play_simulated(demo: Demo, *, customers: int) -> None:
    """The simulated shop: it drives the platform through the public API and answers the mails it gets."""
    wait_for(demo.sink_port)
    wait_for(demo.port)
    shop = ["--customers", str(customers), "--products", "300", "--days", "120", "--seed", "7"]
    shop += [
        "--url",
        f"http://127.0.0.1:{demo.port}",
        "--key",
        demo.key(),
        "--truth",
        str(demo.folder / "truth.json"),
    ]
    if "end" not in demo.state:
        demo.remember(end=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    shop += ["--end", demo.state["end"]]
    if "told" not in demo.state:  # said twice, an old yes would overrule a newer no
        demo.say("A simulated shop tells its catalogue, customers, consents and 120 days of behaviour")
        demo.manage("simulate", "--phase", "history", *shop)
        demo.remember(told="yes")
    demo.say("Learning from those who allowed it")
    demo.manage("train")
    demo.say("A campaign: segments, offers, a control group, and mails through SMTP")
    demo.manage("demo_campaign")
    demo.manage("run_campaign", "demo")
    if "answered" not in demo.state:
        demo.say("The customers answer (the shop knows the true effect and keeps it to itself)")
        demo.manage("simulate", "--phase", "answer", "--outbox", str(demo.folder / "outbox"), *shop)
        demo.remember(answered="yes")
    demo.say("Who allows what by now")
    demo.manage("consents")
    demo.say("What came of it")
    demo.manage("report", "demo", "--until-now", "--truth", str(demo.folder / "truth.json"))


def play_file(demo: Demo, *, data: str, kind: str) -> None:
    """A real file: nobody in it can answer, so the report says what was planned and sent, and no effect."""
    demo.say(f"Taking in {Path(data).name}")
    grant = ["--grant", "analytics,personalization,marketing_email", "--notice", "public-file@1"]
    demo.manage("import_data", kind, data, *grant)
    demo.say("Learning, and measuring on the last month, which no model saw")
    demo.manage("train")
    wait_for(demo.sink_port)
    demo.say(
        "A campaign to those whom the file's licence lets us write to, at addresses made up for the demo"
    )
    demo.manage("demo_campaign", "--addresses")
    demo.manage("run_campaign", "demo")
    demo.say("Who allows what")
    demo.manage("consents")
    demo.say("What was done")
    demo.manage("report", "demo")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--format")
    parser.add_argument("--no-serve", action="store_true")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--customers", type=int, default=2000)
    options = parser.parse_args()
    if bool(options.data) != bool(options.format):
        parser.error("DATA and FORMAT go together, e.g. DATA=shop.csv FORMAT=online-retail")
    base = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))
    demo = Demo(folder=base / f"demo-{options.format}" if options.data else base, port=options.port)
    demo.environment()
    django.setup()
    try:
        require_free(demo.port)
        demo.manage("migrate", "--verbosity", "0")
        with Processes() as processes:
            sink = [sys.executable, str(BASE_DIR / "manage.py"), "mail_sink", "--port", str(demo.sink_port)]
            processes.start("mail sink", sink)
            processes.start("web", web(demo.port))
            if options.data:
                play_file(demo, data=options.data, kind=options.format)
            else:
                play_simulated(demo, customers=options.customers)
            demo.manage("audit_consent")
            demo.manage("verify_ledger")
            who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            peak = max(resource.getrusage(whose).ru_maxrss for whose in who) / 1024
            demo.say(f"Done. Largest process {peak:.0f} MB; mails are in {demo.folder / 'outbox'}.")
            if options.no_serve:
                return 0
            os.environ.update(DJANGO_SUPERUSER_PASSWORD=demo.state["password"])
            if "staff" not in demo.state:
                demo.manage(
                    "createsuperuser", "--noinput", "--username", "admin", "--email", "admin@shop.example"
                )
                demo.remember(staff="admin")
            wait_for(demo.port)
            processes.start("worker", worker())
            processes.start("scheduler", scheduler())
            demo.say(
                f"Serving http://127.0.0.1:{demo.port}/admin/ (admin / {demo.state['password']}) and the shop,"
                f" http://127.0.0.1:{demo.port}/shop/; Ctrl-C stops it."
            )
            return processes.watch()
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What was done is kept; the same command goes on from there.\n")
        return 130
    except Failed as failure:
        sys.stderr.write(f"\nThe demo stopped: {failure}.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
