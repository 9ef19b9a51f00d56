import pytest

from web.incoming import client_address, network_of, read_cookies, request_id, trace_id


@pytest.mark.parametrize(
    ("header", "depth", "address"),
    [
        ("203.0.113.7", 1, "203.0.113.7"),
        ("203.0.113.7:50505", 1, "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7:50505", 1, "203.0.113.7"),
        ("2001:db8::1", 1, "2001:db8::1"),
        ("[2001:DB8:0::1]:443", 1, "2001:db8::1"),
        ("::ffff:203.0.113.7", 1, "203.0.113.7"),
        ("a, b, 203.0.113.7, 10.0.0.1", 2, "203.0.113.7"),
        ("203.0.113.7", 3, "203.0.113.7"),
        ("203.0.113.7", 0, "unknown"),
        ("not an address", 1, "unknown"),
        ("203.0.113.7,", 1, "unknown"),
        (None, 1, "unknown"),
    ],
)
def test_the_address_is_the_one_our_outermost_proxy_saw(header: str | None, depth: int, address: str) -> None:
    assert client_address(header, depth) == address


def test_an_ipv6_subscriber_is_one_however_many_addresses_they_use() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert network_of("203.0.113.7") == "203.0.113.7"
    assert network_of("unknown") == "unknown"


def test_a_request_id_is_echoed_when_it_is_harmless() -> None:
    assert request_id("0af7-651.x_y:z") == "0af7-651.x_y:z"
    for bad in (None, "", "a b", "a\nb", "é", "x" * 129, "<script>", "---"):
        made = request_id(bad)
        assert len(made) == 32
        assert made != request_id(bad)


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("header", [f"00-{TRACE}-b7ad6b7169203331-01", f"cc-{TRACE}-b7ad6b7169203331-01-more"])
def test_a_traceparent_gives_its_trace_id(header: str) -> None:
    assert trace_id(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b7169203331-01-more",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-b7ad6b71692033-01",
    ],
)
def test_a_malformed_traceparent_is_ignored(header: str | None) -> None:
    assert trace_id(header) is None


def test_of_two_cookies_with_one_name_the_first_counts() -> None:
    assert read_cookies("a=1; b=2=3;a=9; flag; =x") == {"a": "1", "b": "2=3", "": "x"}
    assert read_cookies(None) == {}
