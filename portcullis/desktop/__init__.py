"""What this machine has installed, by the specifications of freedesktop.org.

entries.py      desktop entries: what a menu would show       exec_line.py    how each is started
icon_theme.py   where the picture of an icon's name lies
"""
