"""Sets the display's size, and its window's, in a loop."""

import subprocess

import xcffib.randr as randr
import xcffib.xproto as xp
from window import Window

window = Window()
extension = window.x(randr.key)
extension.QueryVersion(1, 5).reply()
number = 0
while True:
    number += 1
    width, height = 640 + number % 7 * 100, 480 + number % 5 * 100
    window.core.ConfigureWindow(window.id, xp.ConfigWindow.Width | xp.ConfigWindow.Height, [width, height])
    if number % 10 == 0:
        subprocess.run(["xrandr", "--fb", f"{width}x{height}"], capture_output=True, check=False)
        subprocess.run(["xrandr", "-s", "640x480"], capture_output=True, check=False)
    window.sync()
