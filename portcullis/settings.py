"""Settings, declared once: a frozen dataclass whose fields carry their help text.

    @dataclass(frozen=True)
    class GatewaySettings:
        state: Path = setting(help="Folder of keys and certificates.")
        listen: Address = setting("127.0.0.1:8080", help="Where browsers connect.")

Command line (`--listen`), environment (`PORTCULLIS_GATEWAY_LISTEN`), YAML file (`--config FILE`, key `listen`) and the
documentation all derive from it. The command line wins over the environment, the environment over the file, the file
over the default. This module alone reads the environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from portcullis.address import Address as Address
from portcullis.errors import InvalidInput

S = TypeVar("S")


def setting(default: Any = MISSING, *, help: str) -> Any:
    """A field of a settings class. Without a default it must be given. A text default is parsed like input."""
    return dataclasses.field(default=default, metadata={"help": help})


def add_arguments(parser: argparse.ArgumentParser, cls: type[Any]) -> None:
    parser.add_argument("--config", metavar="FILE", help="YAML file with any of these settings.")
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        shown = "" if field.default in (MISSING, None, "") else f" Default: {field.default}."
        parser.add_argument(
            _option(field.name),
            dest=field.name,
            metavar=_metavar(hints[field.name]),
            default=None,
            help=(field.metadata["help"] + shown).replace("%", "%%"),
        )


def load(
    cls: type[S],
    service: str,
    arguments: argparse.Namespace,
    environ: Mapping[str, str] | None = None,
) -> S:
    """The settings of `service` from all sources. Raises InvalidInput naming the setting as its source spells it."""
    environ = os.environ if environ is None else environ  # noqa: TID251
    from_file = _read_file(arguments.config) if getattr(arguments, "config", None) else {}
    hints = get_type_hints(cls)
    fields: Sequence[dataclasses.Field[Any]] = dataclasses.fields(cls)  # type: ignore[arg-type]
    unknown = from_file.keys() - {field.name for field in fields}
    if unknown:
        raise InvalidInput(f"{arguments.config}: {min(unknown)}", "a known setting")
    values: dict[str, Any] = {}
    for field in fields:
        variable = f"PORTCULLIS_{service}_{field.name}".upper()
        if (given := getattr(arguments, field.name, None)) is not None:
            source, raw = _option(field.name), given
        elif variable in environ:
            source, raw = variable, environ[variable]
        elif field.name in from_file:
            source, raw = f"{arguments.config}: {field.name}", from_file[field.name]
        elif field.default is not MISSING:
            source, raw = field.name, field.default
        else:
            raise InvalidInput(_option(field.name), "a value")
        values[field.name] = _parse(source, raw, hints[field.name])
    return cls(**values)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _metavar(kind: Any) -> str:
    return {Path: "PATH", Address: "HOST:PORT", int: "N", float: "SECONDS", bool: "yes|no"}.get(kind, "TEXT")


def _read_file(path: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(Path(path).read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as exc:
        raise InvalidInput(path, "a readable YAML file") from exc
    if data is None:  # nothing but comments
        return {}
    if not isinstance(data, dict):
        raise InvalidInput(path, "a mapping of settings")
    return data


def _parse(source: str, raw: Any, kind: Any) -> Any:
    if raw is None or isinstance(raw, (list, dict)):  # YAML's
        raise InvalidInput(source, _metavar(kind))
    text = str(raw)
    try:
        if kind is Address:
            return raw if isinstance(raw, Address) else Address.parse(text)
        if kind is float and not math.isfinite(float(text)):
            raise ValueError("not finite")
        if kind in (int, float, Path, str):
            return kind(text)
        if kind is bool:
            return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[
                text.lower()
            ]
    except (ValueError, KeyError) as exc:
        raise InvalidInput(source, _metavar(kind)) from exc
    raise TypeError(f"{source}: settings of type {kind} are not supported")
