"""One byte a genotype call: what it says, and how it is made from VCF text and turned into arrays.

Bits: 0 strand one carries ALT, 1 strand one has no call, 2 and 3 the same for strand two, 4 there is no strand two
(haploid; then bits 2 and 3 are 0), 5 the strands are ordered (phased).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.uint32]  # the first four bytes of a sample cell, the first in the lowest byte

ALT_1, LOST_1, ALT_2, LOST_2, HAPLOID, PHASED = (1 << i for i in range(6))
NOTHING = LOST_1 | LOST_2  # no call
CALL = ALT_1 | LOST_1 | ALT_2 | LOST_2 | HAPLOID  # all but the phase
_STRIP = 1 << 17  # calls handled at a time: they stay in the processor's cache
_TAB, _NEWLINE, _COLON, _SLASH, _BAR, _DOT, _ZERO = b"\t\n:/|.0"


def _strips(n_rows: int, n_columns: int) -> list[slice]:
    height = max(1, _STRIP // max(n_columns, 1))
    return [slice(i, i + height) for i in range(0, n_rows, height)]


def from_diploid(cells: Cells) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """(codes (row, sample), usable (row,)) of cells that read 0, 1 or '.' on both strands and then a tab.

    A row is usable when every cell is of that form; the codes of other rows mean nothing.
    """
    out = np.empty(cells.shape, dtype=np.uint8)
    usable = np.empty(len(cells), dtype=bool)
    strips = _strips(*cells.shape)
    bits = np.empty((strips[0].stop if strips else 0, cells.shape[1]), dtype=np.uint32)
    text, wrong = np.empty_like(bits), np.empty(bits.shape, dtype=np.uint8)
    for rows in strips:
        x, code = cells[rows], out[rows]
        t, e, w = bits[: len(x)], text[: len(x)], wrong[: len(x)]
        # '0' '1' '.' end in the bits 00 01 10: bit 0 is the allele, bit 1 the gap; '|' has bit 4, '/' has not. One
        # multiplication takes the five bits to the highest byte: by 2^24, 2^10 and 2^17.
        np.bitwise_and(x, 0x00031003, out=t)
        np.multiply(t, 1 << 24 | 1 << 17 | 1 << 10, out=e)
        np.right_shift(e, 24, out=e)
        code[...] = e
        # The text must be one that these bits stand for: '.' '/' '0' '1' plus 2 share their upper six bits ('/' is the
        # one with both lower bits set before), and '|' is '/' with the bits 0x53 turned.
        np.bitwise_and(t, 0x1000, out=t)
        np.multiply(t, _BAR ^ _SLASH, out=t)
        np.right_shift(t, 4, out=t)
        np.add(x, 0x00020002, out=e)
        np.bitwise_xor(e, t, out=e)
        np.bitwise_and(e, 0xFFFCFFFC, out=e)
        np.right_shift(code, 1, out=w)
        np.bitwise_and(w, code, out=w)
        np.bitwise_and(w, ALT_1 | ALT_2, out=w)
        fits = (e == (_ZERO | _SLASH << 8 | _ZERO << 16 | _TAB << 24)).all(axis=1)
        usable[rows] = fits & ~w.any(axis=1)
    return out, usable


def alleles_of(cells: Cells) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(alleles (row, sample, strand), phased (row, sample), usable (row,)) of one- and two-strand cells.

    Alleles 0 to 9, -1 for '.', -2 for no second strand ('.' alone is no call on two strands).
    """
    first, between, second, end = ((cells >> np.uint32(8 * i)).astype(np.uint8) for i in range(4))

    def number(byte: Codes) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        gap = byte == _DOT
        return np.where(gap, -1, byte.astype(np.int8) - _ZERO).astype(np.int8), gap | ((byte >= 48) & (byte <= 57))

    def ends(byte: Codes) -> npt.NDArray[np.bool_]:
        return (byte == _TAB) | (byte == _NEWLINE) | (byte == _COLON)

    one, good = number(first)
    two, good_two = number(second)
    phased = between == _BAR
    single = ends(between)
    usable = good & (single | ((phased | (between == _SLASH)) & good_two & ends(end)))
    two = np.where(single, np.where(one == -1, -1, -2), two)
    return np.stack([one, two], axis=2), phased & ~single, usable.all(axis=1)


def of_allele(alleles: npt.NDArray[np.int8], phased: npt.NDArray[np.bool_], number: int | npt.NDArray[Any]) -> Codes:
    """Codes of one ALT (its number in the record) from allele numbers (..., sample, strand); other alleles count as 0.

    number: of all records, or of each (record, 1)."""
    one, two = alleles[..., 0], alleles[..., 1]
    out = (one == number).astype(np.uint8) * ALT_1 | (one == -1).astype(np.uint8) * LOST_1
    out |= (two == number).astype(np.uint8) * ALT_2 | (two == -1).astype(np.uint8) * LOST_2
    return np.asarray(out | (two == -2).astype(np.uint8) * HAPLOID | phased.astype(np.uint8) * PHASED, dtype=np.uint8)


def from_genotypes(gt: npt.NDArray[np.int8], phased: npt.NDArray[np.bool_]) -> Codes:
    """From `Calls`: gt (row, sample, strand) of 0, 1, -1, -2 and phased (row, sample)."""
    return of_allele(gt, phased, 1)


def genotypes(codes: Codes) -> npt.NDArray[np.int8]:
    """gt (row, sample, strand): 0, 1, -1 no call, -2 no second strand."""
    out = np.empty(codes.shape, dtype=np.uint16)
    single = has(codes, HAPLOID)
    strips = _strips(*codes.shape)
    gaps = np.empty((strips[0].stop if strips else 0, codes.shape[1]), dtype=np.uint16)
    for rows in strips:
        value = out[rows]
        gap = gaps[: len(value)]
        # Each strand's two bits to a byte of its own: by 1 and 2^6. There 2 becomes 0xFF, which is -1; 0xFE is -2.
        np.multiply(codes[rows], 1 | 1 << 6, out=value, dtype=np.uint16)
        np.bitwise_and(value, 0x0303, out=value)
        np.right_shift(value, 1, out=gap)
        np.bitwise_and(gap, 0x0101, out=gap)
        np.multiply(gap, 2 ^ 0xFF, out=gap)
        np.bitwise_xor(value, gap, out=value)
        if single:
            value |= ((codes[rows].astype(np.uint16) & HAPLOID) >> 4) * (0xFE << 8)
    return out.view(np.int8).reshape(*codes.shape, 2)


def has(codes: Codes, bit: int) -> bool:
    return bool(np.bitwise_or.reduce(codes, axis=None) & bit) if codes.size else False


def phased(codes: Codes) -> npt.NDArray[np.bool_]:
    return (codes & PHASED) != 0


def plane_bits(codes: Codes) -> tuple[Codes, Codes, npt.NDArray[np.bool_]]:
    """(low, high (row, byte), odd (row,)): the planes of `planes`, packed."""
    first, second, lost, lost_two = (
        np.packbits(codes & bit, axis=1, bitorder="little") for bit in (ALT_1, ALT_2, LOST_1, LOST_2)
    )
    bad, half = lost | lost_two, lost ^ lost_two
    if has(codes, HAPLOID):
        single = np.packbits(codes & HAPLOID, axis=1, bitorder="little")
        bad, half = bad | single, half | single
    return (first ^ second) | bad, (first & second) | bad, np.asarray(half.any(axis=1))


def only_for(values: Codes, columns: npt.NDArray[Any], n: int) -> Codes:
    """(row, n): `values` at `columns`, no call elsewhere."""
    if values.shape[1] == n and np.array_equal(columns, np.arange(n)):
        return values
    out = np.full((len(values), n), NOTHING, dtype=np.uint8)
    out[:, columns] = values
    return out
