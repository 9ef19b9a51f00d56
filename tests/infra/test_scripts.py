"""The scripts of a deployment: each safe to repeat, each with one clear line when it fails."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from adapters.secrets.key_ring import decode_ring
from infra.scripts import admin, event_audience, package, signing_keys, sql_user
from infra.scripts.azure import Deployment, Failed
from runtime.settings import Settings
from tests.infra.azure_cli import AzureCli, an_azure_cli
from tests.infra.template import Template
from tests.infra.test_from_code import OUTPUTS
from tests.tsql import check_tsql

CLIENT_ID = "01234567-89ab-cdef-0123-456789abcdef"
VAULT_OUTPUTS = {"keyVaultName": {"value": "kv-dev-x"}, "signingKeysSecret": {"value": "signing-keys"}}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AzureCli:
    return an_azure_cli(tmp_path / "bin", monkeypatch)


def test_the_first_keys_are_put_once_and_in_private(cli: AzureCli, capsys: pytest.CaptureFixture[str]) -> None:
    cli.change(groups={"g": VAULT_OUTPUTS})
    assert signing_keys.main(["g"]) == 0
    first = cli.state["secrets"]["signing-keys"]
    assert cli.state["mode"] == "0o600"
    key = decode_ring(first).keys.current
    assert len(key.secret) == 32

    assert signing_keys.main(["g"]) == 0
    assert cli.state["secrets"]["signing-keys"] == first
    said = capsys.readouterr().out
    assert "nothing was changed" in said
    told = said + json.dumps(cli.state["calls"])
    assert json.loads(first)["current"]["secret"] not in told


def test_the_audience_is_registered_once(cli: AzureCli, capsys: pytest.CaptureFixture[str]) -> None:
    assert event_audience.main(["dev"]) == 0
    assert event_audience.main(["dev"]) == 0
    assert [app["uri"] for app in cli.state["apps"]] == ["api://t/tools-dev-events"]
    assert cli.state["principals"] == ["app-0"]
    assert capsys.readouterr().out.splitlines() == [
        "api://t/tools-dev-events was registered",
        "api://t/tools-dev-events is registered already",
    ]


def test_what_a_crash_left_half_done_is_finished(cli: AzureCli) -> None:
    cli.change(apps=[{"id": "app-0", "uri": "api://t/tools-prod-events"}])
    assert event_audience.main(["prod"]) == 0
    assert cli.state["principals"] == ["app-0"]
    assert len(cli.state["apps"]) == 1


def test_the_audience_is_the_one_the_template_names() -> None:
    wanted = Template("main.dev.bicepparam", OUTPUTS).settings()["APP_WEB_PUBSUB_EVENT_AUDIENCE"]
    assert wanted.rsplit("/", 1)[1] == "tools-dev-events"


@pytest.mark.parametrize("script", [admin, event_audience, signing_keys, sql_user, package])
def test_a_script_without_words_tells_its_usage(
    script: object, capsys: pytest.CaptureFixture[str], cli: AzureCli
) -> None:
    assert script.main([]) == 1  # type: ignore[attr-defined]
    assert capsys.readouterr().err.startswith("usage: ")
    assert cli.state["calls"] == []


def test_a_group_without_a_deployment_is_one_line(cli: AzureCli, capsys: pytest.CaptureFixture[str]) -> None:
    for main, words in ((signing_keys.main, ["g"]), (sql_user.main, ["g"]), (admin.main, ["g", "check"])):
        assert main(words) == 1
        assert capsys.readouterr().err == "az deployment group show: ERROR: (NotFound) deployment group show\n"
    cli.change(groups={"g": {"other": {"value": 1}}})
    assert signing_keys.main(["g"]) == 1
    assert "no output keyVaultName" in capsys.readouterr().err


def test_without_the_cli_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="not installed"):
        Deployment.of("g")


def test_commands_run_here_over_the_services_there(cli: AzureCli) -> None:
    told = Template("main.prod.bicepparam", OUTPUTS).settings()
    cli.change(groups={"g": {"settings": {"value": told}}})
    settings = Settings.read(Deployment.of("g").settings)
    assert not settings.production  # so that the credential is that of `az login`
    assert settings.documents == Settings.read(told).documents
    assert settings.sql == Settings.read(told).sql
    assert settings.redis is None


def test_settings_of_this_machine_do_not_mix_in(cli: AzureCli) -> None:
    cli.change(groups={"g": {"settings": {"value": Template("main.dev.bicepparam", OUTPUTS).settings()}}})
    deployed = Deployment.of("g").settings
    local = {"DEVHOST_DATA": ".data", "APP_COSMOS_KEY": "k", "APP_SQL_ODBC": "x", "APP_ENV": "production"}
    given = {**local, **admin.environment(deployed, local=local)}  # as `runtime.admin` merges them
    assert Settings.read(given) == Settings.read(deployed)


def test_the_sql_user_is_the_identity_and_may_read_and_write() -> None:
    """The SID is the client id as a Windows GUID: its first three groups the other way round."""
    drop, create, *roles = sql_user.statements("id-tools-dev", CLIENT_ID)
    assert "CREATE USER [id-tools-dev] WITH SID = 0x67452301AB89EFCD0123456789ABCDEF, TYPE = E" in create
    assert create.startswith("IF NOT EXISTS")
    assert drop.startswith("IF EXISTS")
    assert "sid <> 0x67452301AB89EFCD0123456789ABCDEF" in drop
    assert roles == [
        "ALTER ROLE db_datareader ADD MEMBER [id-tools-dev]",
        "ALTER ROLE db_datawriter ADD MEMBER [id-tools-dev]",
    ]
    for statement in (drop, *roles):
        check_tsql(statement)


def test_a_name_cannot_leave_its_quotes() -> None:
    drop, create, *roles = sql_user.statements("x] WITH y'--", CLIENT_ID)
    assert "[x]] WITH y'--]" in create
    assert "N'x] WITH y''--'" in drop
    assert all("[x]] WITH y'--]" in statement for statement in roles)
    with pytest.raises(ValueError):
        sql_user.statements("x", "not an id")


def test_the_package_is_what_the_app_needs(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "a.zip", tmp_path / "b.zip"
    assert package.write(first) == package.write(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as opened:
        names = set(opened.namelist())
    assert {"function_app.py", "host.json", "requirements.txt", "adapters/passwords/common.txt"} <= names
    top = {name.split("/")[0] for name in names}
    assert top & {"tests", "docs", "infra", "devhost", "bench", "local.settings.sample.json", "README.md"} == set()
    assert not any(name.startswith(".") for name in names)


def test_a_package_of_uncommitted_work_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S603, S607
    (tmp_path / ".funcignore").write_text(".*\n")
    (tmp_path / "new.py").write_text("")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    assert package.main([str(tmp_path / "x.zip")]) == 1
    assert not (tmp_path / "x.zip").exists()
