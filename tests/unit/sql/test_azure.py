"""Signing in to Azure SQL, as far as it goes without a server."""

import struct

from adapters.sql.azure import SQL_COPT_SS_ACCESS_TOKEN, token_attributes


def test_the_token_is_packed_as_the_driver_wants_it() -> None:
    packed = token_attributes("töken")[SQL_COPT_SS_ACCESS_TOKEN]
    (length,) = struct.unpack("<I", packed[:4])
    assert length == len(packed) - 4
    assert packed[4:].decode("utf-16-le") == "töken"
