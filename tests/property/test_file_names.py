"""Names are data: whatever is typed, no path and no header comes of it that we did not mean."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.blobs.names import is_name
from domain.files.kinds import EXTENSIONS, TXT
from domain.files.model import StoredFile, blob_name, prefix_of, upload_name, version_of
from domain.files.names import clean_file_name, content_disposition, file_name_fault
from domain.kernel.ids import uuid7

DISPOSITION = re.compile(r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)")


@given(st.text(max_size=300))
def test_an_accepted_name_comes_back_whole_and_can_be_written_in_a_header(text: str) -> None:
    name = clean_file_name(f"{text}.txt")
    if file_name_fault(name, TXT) is not None:
        return
    assert not set(name) & set("/\\\0\r\n")
    assert 1 <= len(name) <= 255
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    found = DISPOSITION.fullmatch(header)
    assert found is not None
    assert unquote(found[2]) == name


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1), st.text(max_size=80), st.sampled_from([None, 64, 512]))
def test_every_blob_has_a_name_of_ours(millis: int, low: int, etag: str, width: int | None) -> None:
    file_id = uuid7(millis=millis, low_bits=low)
    file = StoredFile.__new__(StoredFile)
    object.__setattr__(file, "id", file_id)
    object.__setattr__(file, "version", version_of(etag))
    for name in (upload_name(file_id), blob_name(file, width)):
        assert is_name(name)
        assert name.startswith(prefix_of(file_id))
    assert not blob_name(file, width).startswith(upload_name(file_id))


@given(st.text(max_size=120))
def test_nothing_else_is_a_blobs_name(text: str) -> None:
    assert not is_name(text)
    assert not is_name(f"{uuid7(millis=1, low_bits=1)}/{text}/x")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("plan.txt", None),
        ("Übung (2), final.TXT", None),
        ("\u0646\u0627\u0645\u0647\u200c\u0647\u0627.txt", None),
        ("a" * 251 + ".txt", None),
        ("a" * 252 + ".txt", "too_long"),
        ("", "too_short"),
        (".txt", "extension"),
        ("..txt", "extension"),
        ("plan", "extension"),
        ("plan.txt.exe", "extension"),
        ("plan.exe\u202etxt", "invisible_character"),
        ("pl\u200ban.txt", "invisible_character"),
        ("pl\nan.txt", "invisible_character"),
        ("../plan.txt", "format"),
        ("C:\\plan.txt", "format"),
    ],
)
def test_names(name: str, fault: str | None) -> None:
    found = file_name_fault(clean_file_name(name), TXT)
    assert (None if found is None else found.code) == fault


def test_every_type_has_an_ending() -> None:
    assert all(EXTENSIONS.values())
