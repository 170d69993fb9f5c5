"""No function of Windows is called without its types."""

import ctypes
import sys

import pytest

from agents.windows import libraries

TABLES = [
    libraries._USER32,
    libraries._DPI,
    libraries._GDI32,
    libraries._KERNEL32,
    libraries._WTSAPI32,
    libraries._DWMAPI,
]


@pytest.mark.parametrize("table", TABLES)
def test_every_type_is_one_that_ctypes_takes(table):
    for result, arguments in table.values():
        prototype = ctypes.CFUNCTYPE(result, *arguments)
        assert prototype._argtypes_ == arguments


@pytest.mark.skipif(sys.platform == "win32", reason="they are there")
def test_libraries_are_loaded_where_they_are_used_and_not_before():
    with pytest.raises(OSError, match="user32"):
        libraries.user32()
