"""Addresses are shown without what is secret in them, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.common.text import bare, masked, masked_address, stream_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3cret@host/live?key=42", "http://***@host/live?***"),
        ("http://host/live?s3cret", "http://host/live?***"),
        ("'http://ann:it's@host/x?a='b'&c=1': refused.", "'http://***@host/x?***': refused."),
        (
            "tried https://a/?x=1, then http://b/c@d (see http://e/)",
            "tried https://a/?***, then http://b/c@d (see http://e/)",
        ),
        ("is it http://host/live? nobody@home knows", "is it http://host/live? nobody@home knows"),
        ("no address in it: why?", "no address in it: why?"),
    ],
)
def test_addresses_in_a_text(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("https://radio.example/live", "https://radio.example/live"),
        ("https://radio.example/@user/live?mail=a@b", "https://radio.example/@user/live?***"),
        ("http://ann:s3c ret@host/x", "http://***@host/x"),
        ("http://ann:s3/cr#et@host/x?y z", "http://***@host/x?***"),
        ("http://ann:s3/c?ret@host/x", "http://***"),
        ("ann:s3cret@host/x", "***@host/x"),
        ("htp://host/x?s3cret", "htp://host/x?***"),
    ],
)
def test_an_address_that_was_typed_perhaps_wrongly(typed: str, shown: str) -> None:
    assert masked_address(typed) == shown


@given(
    *[st.text(st.characters(exclude_characters="/?#"))] * 2,
    *[st.text(st.characters(exclude_characters="#"))] * 2,
    st.sampled_from(["http://", "https://", "htp://", ""]),
)
def test_a_password_and_a_key_are_hidden_whatever_stands_around_them(a: str, b: str, c: str, d: str, scheme: str):
    shown = masked_address(f"{scheme}ann:{a}s3cret{b}@host/live?{c}s3cret{d}")
    assert "s3cret" not in shown and "ann" not in shown


def test_stations_that_differ_in_their_query_have_streams_of_their_own_that_do_not_tell_it() -> None:
    addresses = ["http://h/play", "http://h/play?id=1", "http://h/play?id=2", "http://ann:pw@h/play?s3cret#top"]
    names = [stream_name(address) for address in addresses]
    assert len(set(names)) == 4 and {bare(address) for address in addresses} == {"http://h/play"}
    assert names[0] == "http://h/play" and all(name.startswith("http://h/play#") for name in names[1:])
    assert not any(secret in name for name in names for secret in ("id", "ann", "pw", "s3cret", "top"))
    assert names == [stream_name(address) for address in addresses]
