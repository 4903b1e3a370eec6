"""Sealing and hashing of single values; the fixed values were made with the crypto module of Node.js."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import crypto

KEY = bytes(range(32))
PLACE = ("participant", "external_id", "42")
PADDED_ID = " 165790 · 患者"  # Epic pads its ids, and what is sealed need not be ASCII

keys = st.binary(min_size=32, max_size=32)
places = st.lists(st.text(st.characters(exclude_characters="\x1f", codec="utf-8")), min_size=1).map(tuple)


def test_what_another_implementation_sealed_is_opened() -> None:
    text = "v1.k7.oKGio6Slpqeoqaqr.xilKGHLyMp-g0qc1hdkoXvWLM2z5UkvdDPGTaHdL1Rt3"
    assert crypto.unseal(text, secret=KEY, place=PLACE).decode() == PADDED_ID
    assert crypto.kid_of(text) == "k7"


def test_a_keyed_hash_is_what_another_implementation_computes() -> None:
    found = crypto.keyed_hash("e63wRTbPfr1p8UW81d8Seiw3", secret=KEY, place=("visit", "session"))
    assert found == "573ea075dd2bfe918a1ce377349070de0c01ed1c22b6eb57b81ce1c1e37a3951"


@given(plain=st.binary(), secret=keys, place=places)
def test_what_was_sealed_is_opened_byte_for_byte(plain: bytes, secret: bytes, place: tuple[str, ...]) -> None:
    sealed = crypto.seal(plain, kid="k1", secret=secret, place=place)
    assert sealed.startswith("v1.k1.")
    assert crypto.unseal(sealed, secret=secret, place=place) == plain


@given(one=places, other=places)
def test_a_sealed_value_is_good_at_its_place_only(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    sealed = crypto.seal(b"x", kid="k1", secret=KEY, place=one)
    if one != other:
        with pytest.raises(crypto.Undecryptable):
            crypto.unseal(sealed, secret=KEY, place=other)


@given(other=keys.filter(lambda key: key != KEY))
def test_another_key_opens_nothing(other: bytes) -> None:
    with pytest.raises(crypto.Undecryptable):
        crypto.unseal(crypto.seal(b"x", kid="k1", secret=KEY, place=PLACE), secret=other, place=PLACE)


@given(position=st.integers(min_value=0), flip=st.integers(1, 255), part=st.sampled_from([2, 3]))
def test_a_changed_bit_of_nonce_text_or_tag_is_noticed(position: int, flip: int, part: int) -> None:
    parts = crypto.seal(b"165790", kid="k1", secret=KEY, place=PLACE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    raw[position % len(raw)] ^= flip
    parts[part] = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(crypto.Undecryptable):
        crypto.unseal(".".join(parts), secret=KEY, place=PLACE)


@pytest.mark.parametrize(
    "text", ["", "v1", "v1.k1.AAAA", "v2.k1.AAAA.BBBB", "165790", "v1.k1.ä.ö", "v1.k1..", "v1.k1.A.A"]
)
def test_what_is_not_of_our_format_is_told_so(text: str) -> None:
    with pytest.raises(crypto.Undecryptable):
        crypto.unseal(text, secret=KEY, place=PLACE)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert len({crypto.seal(b"x", kid="k1", secret=KEY, place=PLACE) for _ in range(20)}) == 20


def test_a_keyed_hash_differs_by_place_key_and_value() -> None:
    other_key = bytes(32)
    hashes = {
        crypto.keyed_hash("1", secret=KEY, place=("visit", "session")),
        crypto.keyed_hash("1", secret=KEY, place=("visit", "patient")),
        crypto.keyed_hash("1", secret=other_key, place=("visit", "session")),
        crypto.keyed_hash(" 1", secret=KEY, place=("visit", "session")),
    }
    assert len(hashes) == 4
