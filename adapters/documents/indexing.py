"""The indexing policy of each Cosmos DB container, derived from its declaration and from nothing else."""

from typing import Any

from domain.kernel.containers import Container


def indexing_policy(container: Container) -> dict[str, Any]:
    """As the service's REST API, the SDK and Bicep all spell it.

    Everything is excluded but the partition key (which, unlike `id`, is not indexed by itself) and the declared
    members: each indexed path makes every write dearer. A composite index begins with `pk`, because a physical
    partition holds the items of many keys, and serves both directions.
    """
    members = ["pk", *container.indexed]
    members += [member for pair in container.composites for member in pair if member not in {*members, "id"}]
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": f"/{member}/?"} for member in dict.fromkeys(members)],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        "compositeIndexes": [
            [{"path": f"/{member}", "order": "ascending"} for member in dict.fromkeys(["pk", *pair])]
            for pair in container.composites
        ],
    }
