"""A text as the modules of a QR code: what terminals and browsers draw, each in its way."""

from __future__ import annotations

import qrcode
from qrcode.constants import ERROR_CORRECT_L


def modules(text: str, border: int = 2) -> list[list[bool]]:
    """Rows of modules, True for dark, with a quiet zone of `border` modules."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=border)
    code.add_data(text)
    code.make(fit=True)
    return [[bool(module) for module in row] for row in code.get_matrix()]
