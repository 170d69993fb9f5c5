"""The Exec line of a desktop entry, taken apart (Desktop Entry Specification 1.5, "The Exec key"). Pure."""

from __future__ import annotations

_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def unescape(text: str) -> str:
    r"""A value of type string: `\s`, `\n`, `\t`, `\r` and `\\`; another backslash stays."""
    result: list[str] = []
    position = 0
    while position < len(text):
        pair = text[position : position + 2]
        if len(pair) == 2 and pair[0] == "\\" and pair[1] in _ESCAPES:
            result.append(_ESCAPES[pair[1]])
            position += 2
        else:
            result.append(text[position])
            position += 1
    return "".join(result)


def arguments_of(line: str, name: str, icon: str | None) -> list[str]:
    """An Exec value taken apart, its field codes replaced: no file is opened. Raises ValueError if it is malformed."""
    arguments = []
    for word, is_quoted in split(line):
        if is_quoted:
            arguments.append(word)  # "Field codes must not be used inside a quoted argument"
        elif word == "%i":
            arguments += ["--icon", icon] if icon else []
        elif replaced := replace_codes(word, name):
            arguments.append(replaced)
    return arguments


def replace_codes(word: str, name: str) -> str:
    """`%c` is the name, `%%` a percent sign; files, URLs and the deprecated codes are nothing."""
    result, characters = "", iter(word)
    for character in characters:
        if character != "%":
            result += character
            continue
        code = next(characters, None)
        if code is None or code not in "fFuUdDnNickvm%":
            raise ValueError(f"{word!r}: no such field code")
        result += {"c": name, "%": "%"}.get(code, "")
    return result


def split(line: str) -> list[tuple[str, bool]]:
    r"""Words and whether they were quoted. Inside double quotes, a backslash frees `"`, `` ` ``, `$` and `\`."""
    words: list[tuple[str, bool]] = []
    word, started, quoted, inside = "", False, False, False
    characters = iter(line)
    for character in characters:
        if inside and character == "\\":
            character = next(characters, "")
            if character not in tuple('"`$\\'):
                raise ValueError("a backslash frees nothing")
            word += character
        elif character == '"':
            inside = not inside
            started = quoted = True
        elif character in " \t\n" and not inside:
            if started:
                words.append((word, quoted))
            word, started, quoted = "", False, False
        else:
            word, started = word + character, True
    if inside:
        raise ValueError("a quote is not closed")
    return [*words, (word, quoted)] if started else words
