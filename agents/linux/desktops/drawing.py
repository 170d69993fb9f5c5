"""Pictures of the helper's windows: Cairo draws, Pango sets text of any script, both by ctypes.

Hosts have them already: the window manager of sessions (openbox) is drawn with them.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_double, c_int, c_void_p
from types import TracebackType

from agents.desktops.shapes import Area

_RGB24 = 1
_PANGO_SCALE = 1024
_WORD_CHARACTER, _END = 2, 3
_Colour = tuple[float, float, float]


def _library(name: str, functions: dict[str, tuple[object, ...]]) -> ctypes.CDLL:
    """`functions`: what each answers, and then what it takes."""
    library = ctypes.CDLL(name)
    for function, (answers, *takes) in functions.items():
        getattr(library, function).restype = answers
        getattr(library, function).argtypes = takes
    return library


def _cairo() -> ctypes.CDLL:
    drawing: dict[str, tuple[object, ...]] = {
        "cairo_image_surface_create_for_data": (c_void_p, c_void_p, c_int, c_int, c_int, c_int),
        "cairo_create": (c_void_p, c_void_p),
        "cairo_destroy": (None, c_void_p),
        "cairo_surface_destroy": (None, c_void_p),
        "cairo_surface_flush": (None, c_void_p),
        "cairo_set_source_rgb": (None, c_void_p, c_double, c_double, c_double),
        "cairo_paint": (None, c_void_p),
        "cairo_rectangle": (None, c_void_p, c_double, c_double, c_double, c_double),
        "cairo_arc": (None, c_void_p, c_double, c_double, c_double, c_double, c_double),
        "cairo_new_sub_path": (None, c_void_p),
        "cairo_close_path": (None, c_void_p),
        "cairo_fill": (None, c_void_p),
        "cairo_stroke": (None, c_void_p),
        "cairo_set_line_width": (None, c_void_p, c_double),
        "cairo_move_to": (None, c_void_p, c_double, c_double),
        "cairo_scale": (None, c_void_p, c_double, c_double),
    }
    return _library("libcairo.so.2", drawing)


def _pango() -> tuple[ctypes.CDLL, ctypes.CDLL, ctypes.CDLL]:
    layouts: dict[str, tuple[object, ...]] = {
        "pango_layout_set_text": (None, c_void_p, c_char_p, c_int),
        "pango_layout_set_width": (None, c_void_p, c_int),
        "pango_layout_set_wrap": (None, c_void_p, c_int),
        "pango_layout_set_ellipsize": (None, c_void_p, c_int),
        "pango_layout_set_font_description": (None, c_void_p, c_void_p),
        "pango_layout_get_pixel_size": (None, c_void_p, c_void_p, c_void_p),
        "pango_font_description_from_string": (c_void_p, c_char_p),
        "pango_font_description_free": (None, c_void_p),
    }
    showing: dict[str, tuple[object, ...]] = {
        "pango_cairo_create_layout": (c_void_p, c_void_p),
        "pango_cairo_show_layout": (None, c_void_p, c_void_p),
    }
    objects: dict[str, tuple[object, ...]] = {"g_object_unref": (None, c_void_p)}
    return (
        _library("libpango-1.0.so.0", layouts),
        _library("libpangocairo-1.0.so.0", showing),
        _library("libgobject-2.0.so.0", objects),
    )


class Canvas:
    """A picture of so many points; `pixels` is what X takes as a ZPixmap of 24 bits of colour."""

    def __init__(self, width: int, height: int, scale: float) -> None:
        """Raises OSError when the libraries are not there."""
        self.width, self.height = round(width * scale), round(height * scale)
        self._c, (self._p, self._pc, self._g) = _cairo(), _pango()
        self._data = ctypes.create_string_buffer(self.width * self.height * 4)
        create = self._c.cairo_image_surface_create_for_data
        self._surface = create(self._data, _RGB24, self.width, self.height, self.width * 4)
        self._context = self._c.cairo_create(self._surface)
        self._c.cairo_scale(self._context, scale, scale)

    def __enter__(self) -> Canvas:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._c.cairo_destroy(self._context)
        self._c.cairo_surface_destroy(self._surface)

    @property
    def pixels(self) -> bytes:
        self._c.cairo_surface_flush(self._surface)
        return self._data.raw

    def fill(self, colour: _Colour) -> None:
        self._c.cairo_set_source_rgb(self._context, *colour)
        self._c.cairo_paint(self._context)

    def box(self, area: Area, colour: _Colour, radius: float = 0.0, line: float = 0.0) -> None:
        """Filled, or a line of this width around it."""
        c, context = self._c, self._context
        c.cairo_set_source_rgb(context, *colour)
        right, bottom, quarter = area.x + area.width, area.y + area.height, 1.5707963267948966
        corners = (
            (right - radius, area.y + radius, -quarter),
            (right - radius, bottom - radius, 0.0),
            (area.x + radius, bottom - radius, quarter),
            (area.x + radius, area.y + radius, 2 * quarter),
        )
        c.cairo_new_sub_path(context)
        for x, y, begin in corners:
            c.cairo_arc(context, x, y, radius, begin, begin + quarter)
        c.cairo_close_path(context)
        if line:
            c.cairo_set_line_width(context, line)
            c.cairo_stroke(context)
        else:
            c.cairo_fill(context)

    def text(
        self, text: str, area: Area, font: str, colour: _Colour, *, is_centred: bool = False
    ) -> tuple[int, int]:
        """Wrapped to the area's width, or centred in it on one line. Answers the size that it took."""
        layout = self._pc.pango_cairo_create_layout(self._context)
        description = self._p.pango_font_description_from_string(font.encode())
        try:
            self._p.pango_layout_set_font_description(layout, description)
            self._p.pango_layout_set_text(layout, text.encode(), -1)
            if is_centred:
                self._p.pango_layout_set_ellipsize(layout, _END)
            self._p.pango_layout_set_width(layout, int(area.width * _PANGO_SCALE))
            self._p.pango_layout_set_wrap(layout, _WORD_CHARACTER)
            width, height = c_int(), c_int()
            self._p.pango_layout_get_pixel_size(layout, byref(width), byref(height))
            x = area.x + (area.width - width.value) / 2 if is_centred else area.x
            y = area.y + (area.height - height.value) / 2 if is_centred else area.y
            self._c.cairo_set_source_rgb(self._context, *colour)
            self._c.cairo_move_to(self._context, x, y)
            self._pc.pango_cairo_show_layout(self._context, layout)
        finally:
            self._p.pango_font_description_free(description)
            self._g.g_object_unref(layout)
        return width.value, height.value
