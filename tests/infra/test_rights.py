"""Who may do what: least privilege, and no password anywhere."""

import json
from typing import Any, Final

from tests.infra.template import BICEP, CHECK, at, members, resources, statements

RBAC: Final = BICEP / "modules" / "rbac.bicep"
GRANTED: Final = {
    ("app", "hostStorage"): {"Storage Blob Data Owner", "Storage Queue Data Contributor"},
    ("app", "filesStorage::blobs::uploads"): {"Storage Blob Data Contributor"},
    ("app", "filesStorage"): {"Storage Blob Delegator"},
    ("app", "vault"): {"Key Vault Secrets User"},
    ("app", "webPubSub"): {"Web PubSub Service Owner"},
    ("app", "communication"): {"Communication and Email Service Owner"},
    ("app", "appInsights"): {"Monitoring Metrics Publisher"},
    ("operators", "vault"): {"Key Vault Secrets Officer"},
    ("operators", "hostStorage"): {"Storage Queue Data Contributor"},
    ("operators", "filesStorage::blobs::uploads"): {"Storage Blob Data Reader"},
    ("operators", "webPubSub"): {"Web PubSub Service Reader"},
    ("operators", "communication"): {"Communication and Email Service Owner"},
}
"""Every role in the templates. A new one is a decision: add it here, too."""


def test_the_roles_are_these_and_no_other() -> None:
    names: dict[str, str] = json.loads((CHECK / "roles.json").read_text("utf-8"))
    nodes = statements(RBAC)
    roles = {key: value.parts[0] for key, value in members(_var(nodes, "roles")).items()}
    granted: dict[tuple[str, str], set[str]] = {}
    for each in resources(RBAC).values():
        if not each.type.startswith("Microsoft.Authorization/"):
            continue
        role = at(each, "properties.roleDefinitionId").args[1].name
        who = at(each, "properties.principalId").name.removesuffix("PrincipalId").removesuffix("Id")
        kind = "ServicePrincipal" if who == "app" else "Group"
        assert at(each, "properties.principalType").parts == [kind]
        granted.setdefault((who, _path(at(each, "scope"))), set()).add(names[roles[role]].removesuffix(" (Preview)"))
    assert granted == GRANTED


def test_documents_are_reached_in_the_one_database() -> None:
    each = resources(RBAC)["documents"]
    assert [part for part in at(each, "properties.scope").parts if isinstance(part, str) and part] == ["/dbs/"]
    assert _var(statements(RBAC), "cosmosDataContributor").parts == ["00000000-0000-0000-0000-000000000002"]


def test_roles_are_given_in_one_place() -> None:
    for path in BICEP.rglob("*.bicep"):
        if path != RBAC:
            assert not any(each.type.startswith("Microsoft.Authorization/") for each in resources(path).values()), path


def test_every_identity_is_one_we_made() -> None:
    """System-assigned identities come and go with their resource, and their rights with them."""
    found = 0
    for path in BICEP.rglob("*.bicep"):
        for each in resources(path).values():
            if "identity" in members(each):
                assert at(each, "identity.type").parts == ["UserAssigned"], path
                found += 1
    assert found == 2


def test_the_realtime_service_has_no_rights() -> None:
    text = RBAC.read_text("utf-8")
    assert "events" not in text.lower()


def _var(nodes: list[Any], name: str) -> Any:
    return next(node.e for node in nodes if node.k == "var" and node.name == name)


def _path(node: Any) -> str:
    return str(node.name) if node.k == "id" else f"{_path(node.e)}::{node.name}"
