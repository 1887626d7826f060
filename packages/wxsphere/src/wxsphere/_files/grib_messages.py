"""Positions of the messages of a GRIB file, by which damaged messages are found."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BEGIN, _END = b"GRIB", b"7777"
_BLOCK = 2**16
# Sections of edition 2 by the one before: those from 2 on may come again for another field.
_AFTER = {0: (1,), 1: (2, 3), 2: (3,), 3: (4,), 4: (5,), 5: (6,), 6: (7,), 7: (2, 3, 4)}


def message_offsets(path: Path) -> list[int] | None:
    """Byte offset of each message of a file.

    Args:
        path: A GRIB file; other bytes, such as headers of bulletins, may stand between its messages.

    Returns:
        Offsets in bytes; None if a message of edition 1 is too long for its length to be given.

    Raises:
        ValueError: A message has no beginning or no end, or is of edition 2 with its sections out of order, after which
            ecCodes may lose messages or crash. The error gives the position.
    """
    out: list[int] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            head = file.read(16)
            if not head.startswith(_BEGIN):
                at = _next(file, at, size)
                continue
            if len(head) < 16 or head[7] not in (1, 2):
                raise ValueError(f"the message at byte {at} is of an unknown edition or cut off")
            length = int.from_bytes(head[8:16] if head[7] == 2 else head[4:7], "big")
            if head[7] == 1 and length & 0x800000:
                return None
            file.seek(max(at + length - 4, 0))
            if length < 16 or file.read(4) != _END:
                raise ValueError(f"the message at byte {at} does not have the length that it states")
            if head[7] == 2:
                _check_sections(file, at, length)
            out.append(at)
            at += length
    return out


def _check_sections(file: BinaryIO, begin: int, length: int) -> None:
    """Check that the sections of a message of edition 2 follow each other up to its end."""
    at, last = begin + 16, 0
    while at < begin + length - 4:
        file.seek(at)
        head = file.read(5)
        size, number = int.from_bytes(head[:4], "big"), head[4]
        if number not in _AFTER[last] or size < 5:
            raise ValueError(f"the message at byte {begin} is damaged at byte {at}")
        at, last = at + size, number
    if at != begin + length - 4 or last != 7:
        raise ValueError(f"the message at byte {begin} is damaged")


def _next(file: BinaryIO, begin: int, size: int) -> int:
    """Byte offset of the next message, or the end of the file; no end of a message may lie between."""
    at, kept = begin, b""
    while at < size:
        file.seek(at)
        block = file.read(_BLOCK)
        found = (kept + block).find(_BEGIN)
        if _END in (kept + block)[: found if found >= 0 else None]:
            raise ValueError(f"the bytes from {begin} on are a message without a beginning")
        if found >= 0:
            return at - len(kept) + found
        at += len(block)
        kept = block[-3:]
    return size
