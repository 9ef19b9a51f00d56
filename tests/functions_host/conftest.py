from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories import an_environment
from tests.functions_host.environment import runtime, stage_app
from tests.servers import running


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What would be deployed, in a folder of its own."""
    return stage_app(tmp_path_factory.mktemp("deployed") / "app")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the served app keeps its embedded stores."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def host(deployed: Path, data: Path) -> Iterator[str]:
    """The URL at which Microsoft's runtime serves the app."""
    made = runtime()
    env = {**made.environment(), **an_environment(data), "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    command = [str(made.python), "-P", "-m", "tests.functions_host.host", str(deployed), "--port", "0"]
    with running(command, env=env, seconds=60) as server:
        yield f"http://localhost:{server.port}"


@pytest.fixture
def client(host: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host, timeout=30) as client:
        yield client
