"""What the Bicep and the code must say alike: containers, queues, hub, Python, settings."""

import json
import re
import tomllib
from typing import Final

import pytest

from adapters.documents.indexing import indexing_policy
from domain.kernel.containers import CONTAINERS
from runtime.services import AzureMail, AzureSql, BlobStorage, Cosmos, KeyVault, StorageQueues
from runtime.settings import Settings
from tests.infra.template import BICEP, ROOT, TENANT, Template, at, members, plain, resources, statements
from tests.meta.test_queues import CONSUMED

DATA: Final = json.loads((BICEP / "data.json").read_text("utf-8"))
OUTPUTS: Final = {
    "identity.appClientId": "22222222-2222-4222-8222-222222222222",
    "identity.eventsPrincipalId": "33333333-3333-4333-8333-333333333333",
    "cosmos.endpoint": "https://cosmos-tools-x.documents.azure.com:443/",
    "sql.host": "sql-tools-x.database.windows.net",
    "keyVault.url": "https://kv-prod-x.vault.azure.net/",
    "storage.queueEndpoint": "https://sthostx.queue.core.windows.net/",
    "storage.blobEndpoint": "https://stfilesx.blob.core.windows.net/",
    "redis.url": "rediss://redis-tools-x.westeurope.redis.azure.net:10000",
    "webPubSub.endpoint": "https://wps-tools-x.webpubsub.azure.com",
    "email.endpoint": "https://acs-tools-x.unitedstates.communication.azure.com",
    "email.sender": "DoNotReply@00000000-0000-4000-8000-000000000000.azurecomm.net",
}
"""Values like those Azure gives; a setting made of another output fails here until it is listed."""
PARAMETER_FILES: Final = ("main.dev.bicepparam", "main.prod.bicepparam")
REFUSED_BY_FLEX: Final = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_VNET_ROUTE_ALL",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "AzureWebJobsStorage",
}


@pytest.mark.parametrize("parameter_file", PARAMETER_FILES)
def test_the_app_starts_with_these_settings(parameter_file: str) -> None:
    read = Settings.read(Template(parameter_file, OUTPUTS).settings())  # raises for what is unknown, missing or unsafe
    assert read.production
    assert isinstance(read.documents, Cosmos)
    assert isinstance(read.sql, AzureSql)
    assert isinstance(read.keys, KeyVault)
    assert isinstance(read.queue, StorageQueues)
    assert isinstance(read.blobs, BlobStorage)
    assert read.blobs.container == Template(parameter_file, OUTPUTS).module_param("storage", "uploadsContainer")
    assert isinstance(read.mail, AzureMail)
    assert read.realtime.events is not None
    assert read.realtime.events.tenant == TENANT
    assert (read.redis is not None) == Template(parameter_file, OUTPUTS).param("redisEnabled")


def test_no_setting_holds_a_credential() -> None:
    for name, value in Template("main.prod.bicepparam", OUTPUTS).settings().items():
        assert not re.search(r"(?i)accountkey|accesskey|password|pwd=|uid=|sig=", value), name


def test_the_challenge_secret_stays_in_the_vault() -> None:
    template = Template("main.prod.bicepparam", OUTPUTS)
    assert template.settings()["APP_CHALLENGE_SECRET"] == ""
    template._given["challengeVerifyUrl"] = template._given["siteUrl"]  # any URL
    secret = template.settings()["APP_CHALLENGE_SECRET"]
    assert secret == "@Microsoft.KeyVault(SecretUri=https://kv-prod-x.vault.azure.net/secrets/challenge-secret)"


def test_the_push_key_stays_in_the_vault() -> None:
    template = Template("main.prod.bicepparam", OUTPUTS)
    assert template.settings()["APP_VAPID_PRIVATE_KEY"] == template.settings()["APP_VAPID_SUBJECT"] == ""
    template._given["webPush"] = template._given["redisEnabled"]  # true
    key = template.settings()["APP_VAPID_PRIVATE_KEY"]
    assert key == "@Microsoft.KeyVault(SecretUri=https://kv-prod-x.vault.azure.net/secrets/vapid-key)"
    assert template.settings()["APP_VAPID_SUBJECT"].startswith("mailto:")


def test_containers_are_those_of_the_code() -> None:
    assert DATA["containers"] == [
        {"name": each.name, "indexingPolicy": indexing_policy(each)} for each in CONTAINERS
    ]  # tests/meta/test_data_model.py compares the code with the page
    container = resources(BICEP / "modules" / "cosmos.bicep")["container"]
    resource = at(container, "properties.resource")
    assert container.body.k == "for"
    assert plain(at(resource, "partitionKey")) == {"paths": ["/pk"], "kind": "Hash", "version": 2}
    assert plain(at(resource, "defaultTtl")) == -1
    assert Template("main.dev.bicepparam", OUTPUTS).module_param("cosmos", "containers") == DATA["containers"]


def test_queues_and_their_poison_are_those_of_the_code() -> None:
    assert DATA["queues"] == sorted(CONSUMED)
    declared = resources(BICEP / "modules" / "storage.bicep")
    names = [members(declared[symbol])["name"] for symbol in ("queue", "poisonQueue")]
    assert names[0].k == "id"
    assert [part for part in names[1].parts if isinstance(part, str) and part] == ["-poison"]
    assert Template("main.dev.bicepparam", OUTPUTS).module_param("storage", "queues") == DATA["queues"]


def test_redis_is_one_that_a_plain_client_with_scripts_can_use() -> None:
    """redis-py's `Redis` follows no redirection, and our scripts have keys that would lie in several slots."""
    database = resources(BICEP / "modules" / "redis.bicep")["database"]
    assert plain(at(database, "properties.clusteringPolicy")) == "NoCluster"
    assert plain(at(database, "properties.clientProtocol")) == "Encrypted"
    assert OUTPUTS["redis.url"].endswith(f":{plain(at(database, 'properties.port'))}")


def test_the_hub_sends_every_event_signed_in() -> None:
    hub = resources(BICEP / "modules" / "webpubsub-hub.bicep")["hub"]
    (handler,) = at(hub, "properties.eventHandlers").items
    assert "".join(part for part in at(handler, "urlTemplate").parts if isinstance(part, str)) == "/api/v1/chat/events"
    assert plain(at(handler, "userEventPattern")) == "*"
    assert plain(at(handler, "systemEvents")) == ["connect", "connected", "disconnected"]
    assert plain(at(handler, "auth.type")) == "ManagedIdentity"
    template = Template("main.prod.bicepparam", OUTPUTS)
    assert template.module_param("webPubSubHub", "hubName") == template.settings()["APP_WEB_PUBSUB_HUB"]
    audience = template.module_param("webPubSubHub", "eventAudience")
    assert audience == template.settings()["APP_WEB_PUBSUB_EVENT_AUDIENCE"] == f"api://{TENANT}/tools-prod-events"


def test_python_is_one_we_test() -> None:
    version = Template("main.prod.bicepparam", OUTPUTS).module_param("function", "pythonVersion")
    lowest, highest = re.findall(
        r"3\.(\d+)", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    assert int(lowest) <= int(version.removeprefix("3.")) < int(highest)


def test_nothing_the_plan_refuses_is_set() -> None:
    path = BICEP / "modules" / "function.bicep"
    (host,) = (node.e for node in statements(path) if node.k == "var" and node.name == "hostSettings")
    names = {*members(host), *Template("main.prod.bicepparam", OUTPUTS).settings()}
    assert names & REFUSED_BY_FLEX == set()
    site = at(resources(path)["app"], "properties.siteConfig")
    assert (
        set(members(site)) & {"linuxFxVersion", "pythonVersion", "alwaysOn", "functionAppScaleLimit", "cors"} == set()
    )


def test_an_instance_takes_many_callers() -> None:
    limit = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]["maxConcurrentRequests"]
    assert 1 < Template("main.prod.bicepparam", OUTPUTS).module_param("function", "httpConcurrency") <= limit


def test_pages_may_upload_and_no_other() -> None:
    origins = Template("main.prod.bicepparam", OUTPUTS).module_param("storage", "origins")
    assert origins == ["https://tools.example"]
    blobs = resources(BICEP / "modules" / "storage.bicep")["fileBlobs"]
    (rule,) = at(blobs, "properties.cors.corsRules").items
    assert at(rule, "allowedOrigins").name == "origins"
    assert {"PUT", "GET"} <= set(plain(at(rule, "allowedMethods")))
    assert "x-ms-*" in plain(at(rule, "allowedHeaders"))
