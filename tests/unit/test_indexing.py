from adapters.documents import cosmos_query
from adapters.documents.indexing import indexing_policy
from domain.kernel.containers import CONTAINERS, Container
from domain.kernel.documents import Query


def test_only_the_key_and_declared_members_are_indexed() -> None:
    container = Container("things", "Made up.", indexed=("seq",), composites=(("pk", "seq"), ("kind", "id")))
    assert indexing_policy(container) == {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/pk/?"}, {"path": "/seq/?"}, {"path": "/kind/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        "compositeIndexes": [
            [{"path": "/pk", "order": "ascending"}, {"path": "/seq", "order": "ascending"}],
            [
                {"path": "/pk", "order": "ascending"},
                {"path": "/kind", "order": "ascending"},
                {"path": "/id", "order": "ascending"},
            ],
        ],
    }


def test_no_container_indexes_everything_or_has_an_index_of_one_path() -> None:
    for container in CONTAINERS:
        policy = indexing_policy(container)
        assert {"path": "/*"} in policy["excludedPaths"]
        assert all(len({path["path"] for path in index}) == len(index) >= 2 for index in policy["compositeIndexes"])


def test_a_query_orders_by_a_composite_index_where_one_serves_it() -> None:
    container = Container("things", "Made up.", indexed=("seq",), composites=(("kind", "seq"), ("pk", "id")))
    by_kind, parameters = cosmos_query.select(container, "p", Query(order="seq", eq={"kind": "x"}, descending=True))
    assert by_kind.endswith("ORDER BY c.pk DESC, c.kind DESC, c.seq DESC")
    assert {"name": "@eq0", "value": "x"} in parameters
    by_id, _ = cosmos_query.select(container, "p", Query())
    assert by_id == "SELECT TOP 100 * FROM c WHERE c.pk = @pk ORDER BY c.pk ASC, c.id ASC"
    everywhere, _ = cosmos_query.select(container, None, Query())
    assert everywhere == "SELECT TOP 100 * FROM c ORDER BY c.id ASC"


def test_a_prefix_is_a_range_that_an_index_serves_where_its_end_is_certain() -> None:
    container = Container("things", "Made up.")
    text, parameters = cosmos_query.select(container, "p", Query(starts="conv:"))
    assert "c.id >= @starts AND c.id < @ends" in text
    assert {"name": "@ends", "value": "conv;"} in parameters
    for uncertain in ("", "caf\u00e9", "~"):
        text, _ = cosmos_query.select(container, "p", Query(starts=uncertain))
        assert "STARTSWITH(c.id, @starts)" in text
