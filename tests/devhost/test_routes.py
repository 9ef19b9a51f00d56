import pytest

from devhost.routes import RouteFaulty, RouteTable, decode_path


@pytest.fixture
def table() -> RouteTable[str]:
    table: RouteTable[str] = RouteTable()
    table.add("api/v1/users/{id}", ("GET",), "user")
    table.add("api/v1/users/me", ("GET", "PATCH"), "me")
    table.add("api/v1/users/{id}/posts", ("GET",), "posts")
    table.add("api/{*path}", ("GET", "POST", "DELETE"), "rest")
    return table


@pytest.mark.parametrize(
    ("method", "path", "target", "values"),
    [
        ("GET", "/api/v1/users/me", "me", {}),
        ("GET", "/API/V1/Users/ME/", "me", {}),
        ("GET", "/api/v1/users/Ada", "user", {"id": "Ada"}),
        ("GET", "/api/v1/users/me/posts", "posts", {"id": "me"}),
        ("POST", "/api/v1/users/me", "rest", {"path": "v1/users/me"}),
        ("DELETE", "/api/v1/users/7/posts", "rest", {"path": "v1/users/7/posts"}),
        ("GET", "/api/v1//me", "rest", {"path": "v1//me"}),
        ("GET", "/api", "rest", {}),
        ("GET", "/api/", "rest", {}),
    ],
)
def test_literals_beat_parameters_beat_the_catch_all(
    table: RouteTable[str], method: str, path: str, target: str, values: dict[str, str]
) -> None:
    assert table.find(method, path) == (target, values)


@pytest.mark.parametrize(("method", "path"), [("PUT", "/api/v1/users/me"), ("GET", "/"), ("GET", "/apis/v1")])
def test_what_no_function_takes_is_not_found(table: RouteTable[str], method: str, path: str) -> None:
    assert table.find(method, path) is None


@pytest.mark.parametrize(
    "template", ["api/{id:int}", "api//x", "api/{a}/{A}", "api/{*rest}/x", "api/v{n}", "api/{id?}"]
)
def test_a_template_it_cannot_serve_is_refused(template: str) -> None:
    table: RouteTable[str] = RouteTable()
    with pytest.raises(RouteFaulty):
        table.add(template, ("GET",), "x")


def test_one_method_of_one_route_has_one_function(table: RouteTable[str]) -> None:
    with pytest.raises(RouteFaulty, match="taken"):
        table.add("api/v1/users/{name}", ("GET",), "other")


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        ("/api/a%20b", "/api/a b"),
        ("/api/a%2Fb%2fc", "/api/a%2Fb%2fc"),
        ("/api/%F0%9F%91%8D", "/api/👍"),
        ("/api/%ff", "/api/%ff"),
        ("/api/x/../y/./z", "/api/y/z"),
        ("/api/%2e%2e/secret", "/secret"),
        ("/..", "/"),
    ],
)
def test_paths_are_decoded_once_and_keep_encoded_slashes(raw: str, decoded: str) -> None:
    assert decode_path(raw) == decoded
