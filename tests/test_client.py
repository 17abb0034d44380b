"""The Python client made from the API's description: it can be typed strictly, and a shop gets along with it alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.processes import BASE_DIR
from customers.access import SCOPES, create_key
from customers.models import Event

pytestmark = pytest.mark.slow
SHOP = "tests/connected_shop.py"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=BASE_DIR, env={**os.environ, **environment}, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the client, made as `make client` makes it."""
    folder = tmp_path_factory.mktemp("client") / "source"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = run(
        "openapi_python_client", "generate", "--path", "docs/openapi.yaml", "--config", "config/client.yaml", "--meta",
        "setup", "--output-path", str(folder), PATH=path,
    )  # fmt: skip
    assert "Warning" not in said, said
    return folder


def test_a_shop_walks_the_whole_way_by_the_client_alone(client: Path, transactional_db, live_server) -> None:
    key = create_key("secret", scopes=SCOPES)[1]
    said = run("tests.connected_shop", live_server.url, key, PYTHONPATH=str(client))
    assert said.splitlines()[-1] == "let_anna_demand"
    assert Event.objects.count() == 2


def test_code_that_uses_the_client_is_typed_strictly(client: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from tact_client.models import ConsentInput\n"
        "ConsentInput(purpose='spying', granted=True, method='box', source='page')\n"
    )
    strict = (
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={tmp_path}/cache",
        "--follow-imports=silent",
    )
    assert "Success" in run(*strict, SHOP, MYPYPATH=str(client))
    with pytest.raises(AssertionError, match='incompatible type "Literal'):
        run(*strict, str(wrong), MYPYPATH=str(client))
