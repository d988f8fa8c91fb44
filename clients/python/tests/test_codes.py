"""Distances and searches, against plain loops."""

import numpy as np
import pytest

import catvae


def brute(a: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", b: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> list[list[int]]:
    return [[sum(bin(int(p) ^ int(q)).count("1") for p, q in zip(x, y)) for y in b] for x in a]


@pytest.mark.parametrize("width", [1, 3, 8, 25])
def test_hamming(width: int) -> None:
    random = np.random.default_rng(width)
    a, b = random.integers(0, 256, (7, width), np.uint8), random.integers(0, 256, (5, width), np.uint8)
    assert catvae.hamming(a, b).tolist() == brute(a, b)
    assert catvae.hamming(a[0], b).tolist() == brute(a[:1], b)[0]
    assert int(catvae.hamming(a[0], b[1])) == brute(a[:1], b[1:2])[0][0]
    assert catvae.hamming_pairs(a[:5], b).tolist() == [brute(a, b)[i][i] for i in range(5)]
    assert catvae.hamming_pairs(a, b[0]).tolist() == [row[0] for row in brute(a, b)]
    assert catvae.hamming(a[:0], b).shape == (0, 5)


def test_search() -> None:
    random = np.random.default_rng(1)
    codes, queries = random.integers(0, 4, (9000, 2), np.uint8), random.integers(0, 4, (300, 2), np.uint8)  # many ties
    rows, distances = catvae.search(codes, queries, k=7)
    all_of_them = catvae.hamming(queries, codes)
    want = np.argsort(all_of_them, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_array_equal(distances, np.take_along_axis(all_of_them, want, axis=1))
    assert catvae.search(codes[:3], queries[0], k=10)[0].shape == (1, 3)
    assert catvae.search(codes[:0], queries, k=10)[0].shape == (300, 0)


def test_what_is_no_code() -> None:
    codes = np.zeros((3, 2), np.uint8)
    for bad in (codes.astype(int), codes[None], np.uint8(3), np.zeros((3, 0), np.uint8)):
        with pytest.raises(catvae.InputError):
            catvae.hamming(codes, bad)
    with pytest.raises(catvae.InputError, match="of different models"):
        catvae.hamming(codes, np.zeros((3, 4), np.uint8))
    with pytest.raises(catvae.InputError, match="make no pairs"):
        catvae.hamming_pairs(codes, codes[:2])
    with pytest.raises(catvae.InputError, match="k is 0"):
        catvae.search(codes, codes, k=0)
