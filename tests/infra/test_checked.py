"""The Bicep is sound, as far as can be told without Azure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.template import BICEP, CHECK, ROOT

STRICT = {
    "no-unused-params",
    "no-unused-vars",
    "no-hardcoded-env-urls",
    "no-hardcoded-location",
    "outputs-should-not-contain-secrets",
    "secure-parameter-default",
    "secure-secrets-in-params",
    "secure-params-in-nested-deploy",
    "secure-params-in-parameters-file",
    "use-secure-value-for-secure-inputs",
    "use-safe-access",
    "use-parent-property",
    "use-resource-symbol-reference",
}


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own tool, our own files
        [sys.executable, str(CHECK / "azcheck.py"), *map(str, files)], capture_output=True, text=True, check=False
    )


def test_the_check_finds_nothing() -> None:
    done = check(BICEP / "main.bicep", *sorted(BICEP.glob("*.bicepparam")))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("good", "bad", "finding"),
    [
        ("disableLocalAuth: true\n    disableKey", "disableLocalAuth: false\n    disableKey", "policy"),
        ("minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls13'", "enum-open"),
        ("databaseAccountOfferType: 'Standard'\n", "", "required"),
        ("account.properties.documentEndpoint", "account.listKeys().primaryMasterKey", "secret-output"),
    ],
)
def test_the_check_would_find(tmp_path: Path, good: str, bad: str, finding: str) -> None:
    text = (BICEP / "modules" / "cosmos.bicep").read_text("utf-8")
    assert good in text
    broken = tmp_path / "cosmos.bicep"
    broken.write_text(text.replace(good, bad), "utf-8")
    done = check(broken)
    assert done.returncode == 1
    assert f"[{finding}]" in done.stdout


def test_every_module_is_used() -> None:
    main = (BICEP / "main.bicep").read_text("utf-8")
    for module in (BICEP / "modules").glob("*.bicep"):
        assert f"'modules/{module.name}'" in main, module.name


def test_the_linter_refuses_rather_than_warns() -> None:
    rules = json.loads((BICEP / "bicepconfig.json").read_text("utf-8"))["analyzers"]["core"]["rules"]
    assert {name for name, rule in rules.items() if rule["level"] == "error"} >= STRICT
    assert {name for name, rule in rules.items() if rule["level"] not in {"error", "warning"}} == set()


def test_no_template_handles_a_secret() -> None:
    for path in BICEP.rglob("*.bicep*"):
        text = path.read_text("utf-8")
        for word in (
            "listKeys",
            "listSecrets",
            "listAccountSas",
            "getSecret",
            "administratorLoginPassword",
            "AccountKey=",
        ):
            assert word not in text, f"{path.relative_to(ROOT)} has {word}"
