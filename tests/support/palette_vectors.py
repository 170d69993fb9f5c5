"""Tiles with palettes as the worker makes them, and what they show: the browser's decoder is read against these.

`python -m tests.support.palette_vectors` writes tests/vectors/palettes.json anew. Another zstd may choose other
bytes, so tests draw the vectors and do not make them again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from agents.worker.damage import Box, Pixels
from agents.worker.tiles import TileEncoder
from portcullis.protocol.operations import TilePalette

PATH = Path(__file__).parent.parent / "vectors" / "palettes.json"


def pictures() -> dict[str, Pixels]:
    generator = np.random.default_rng(28)
    ink = generator.random((39, 150)) < 0.3
    shades = generator.integers(0, 200, (100, 60), np.uint32)
    inks = [generator.integers(0, 1 << 24, 250, np.uint32) for _ in range(2)]
    across = np.arange(700) * 7 % 250
    return {
        "two tinted colours": np.where(ink, np.uint32(0x203040), np.uint32(0xFCFCFA)),
        "black and one more": np.where(ink, np.uint32(0), np.uint32(0x00FF01)),
        "four colours": np.array([0, 0xFF, 0xFF00, 0xFF0000], np.uint32)[shades % 4],
        "sixteen colours": shades % 16 * np.uint32(0x0F0701),
        "many shades of a tint": shades | np.uint32(0x400000),
        "a row": shades[:1] % 3,
        "a column": shades[:, :1] % 3,
        "inks of their own for each line": np.concatenate(
            [np.repeat(inks[line % 2][across][None], 16, axis=0) for line in range(7)]
        ),
    }


def vectors() -> list[dict[str, object]]:
    encoder = TileEncoder(1 << TilePalette.KIND)
    return [_vector(encoder, name, pixels) for name, pixels in pictures().items()]


def _vector(encoder: TileEncoder, name: str, pixels: Pixels) -> dict[str, object]:
    height, width = pixels.shape
    operation = encoder.indexed(pixels, Box(0, 0, width, height))
    assert operation is not None, name
    return {"name": name, "width": width, "height": height, "hex": operation.hex(), "sha256": digest(pixels)}


def digest(pixels: Pixels) -> str:
    """Of opaque RGBA, rows from the top."""
    rgba = np.stack([pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255, pixels * 0 + 255], axis=2)
    return hashlib.sha256(rgba.astype(np.uint8).tobytes()).hexdigest()


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
