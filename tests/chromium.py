"""Find a Chromium for the browser tests, or install one: the system's, Debian's when root, else Playwright's own.

`python -m tests.chromium` is run by `make test` and says plainly what it found.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The executable's path: CHROMIUM of the environment, else the system's; None when there is none."""
    if given := os.environ.get("CHROMIUM"):
        return given
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> str | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-q", "-y", "chromium", "fonts-noto-cjk"],
        ):
            if subprocess.run(command, check=False, **quiet).returncode:  # type: ignore[call-overload]
                break
        return find()
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return None


if __name__ == "__main__":
    path = find() or install()
    print(
        f"Browser tests: {path or 'Playwright’s own Chromium if it could be installed; else they are skipped'}"
    )
