"""The arguments of a link, taken apart as the C runtime of Windows does it. Pure.

Backslashes stand for themselves, but before a quotation mark: two of them are one, and one that is left over frees the
mark. Inside quotation marks, two of those are one. https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
"""

from __future__ import annotations

import re

_PARTS = re.compile(r'(\\*)("?)([^\\"]*)', re.DOTALL)


def arguments_of(line: str) -> list[str]:
    """`subprocess.list2cmdline` puts them together again, for a program that reads them so."""
    arguments: list[str] = []
    word, started, quoted = "", False, False
    position = 0
    while position < len(line):
        match = _PARTS.match(line, position)
        if match is None or not match[0]:
            break
        position = match.end()
        slashes, mark, rest = len(match[1]), match[2], match[3]
        if not mark:
            word, started = word + "\\" * slashes, started or slashes > 0
        else:
            word, started = word + "\\" * (slashes // 2), True
            if slashes % 2:
                word += '"'
            elif quoted and line.startswith('"', position) and not rest:
                word, position = word + '"', position + 1
                rest = _plain(line, position)
                position += len(rest)
            else:
                quoted = not quoted
        for character in rest:
            if character in " \t\r\n" and not quoted:
                if started:
                    arguments.append(word)
                word, started = "", False
            else:
                word, started = word + character, True
    return [*arguments, word] if started else arguments


def _plain(line: str, position: int) -> str:
    match = re.compile(r'[^\\"]*').match(line, position)
    return match[0] if match else ""
