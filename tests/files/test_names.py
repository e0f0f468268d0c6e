"""A name becomes an id that everything takes, and an id leads back to the name."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sablier.files.names import as_id, as_name, numbered_names, printable

BYTES = st.binary(max_size=40).filter(lambda name: b"\0" not in name)


@given(BYTES)
def test_an_id_leads_back_to_the_bytes_of_the_name(name: bytes):
    text = os.fsdecode(name)
    assert os.fsencode(as_name(as_id(text))) == name
    as_id(text).encode()


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_names_have_different_ids(first: str, second: str):
    assert (as_id(first) == as_id(second)) == (first == second)


@pytest.mark.parametrize("name", ["plain.png", "folder/ä 1.png", "日本.png", "=1+1.png", "a'b\".png", "שלום.png"])
def test_names_that_are_text_are_their_own_ids(name: str):
    assert as_id(name) == name


@pytest.mark.parametrize("odd", ["\x1b[2J", "a\nb", "\x9b31m", "\u202egnp.exe", "\udcff", "\u2028"])
def test_nothing_that_a_terminal_acts_on_is_left(odd: str):
    assert printable(odd).isprintable()


def test_numbering_many_equal_names_takes_no_longer_than_different_ones():
    names = ["x", "X", "x-2"] * 20_000
    found = [f"{name}-{number}".casefold() if number > 1 else name.casefold() for name, number in numbered_names(names)]
    assert len(set(found)) == len(names)
