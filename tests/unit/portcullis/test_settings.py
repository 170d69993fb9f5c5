"""Settings: one table, four sources, every mistake named where it was made."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import InvalidInput
from portcullis.settings import Address, add_arguments, load, setting


@dataclass(frozen=True)
class Example:
    state: Path = setting(help="Where things lie.")
    listen: Address = setting("127.0.0.1:8080", help="Where to listen.")
    workers: int = setting(4, help="How many, at most 100 % of all.")
    ratio: float = setting(0.5, help="A share.")
    verbose: bool = setting("no", help="Say more.")
    name: str = setting("", help="A name.")


def read(
    *arguments: str, environ: dict[str, str] | None = None, cls: type[Any] = Example, service: str = "example"
) -> Any:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, cls)
    return load(cls, service, parser.parse_args(arguments), environ or {})


def refusal(*arguments: str, environ: dict[str, str] | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        read(*arguments, environ=environ)
    return raised.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


class TestSources:
    def test_defaults_are_parsed_like_input(self) -> None:
        assert read("--state", "/s") == Example(Path("/s"), Address("127.0.0.1", 8080), 4, 0.5, False, "")

    def test_the_command_line_wins_over_the_environment_over_the_file(self, file: Path) -> None:
        file.write_text("{state: /file, name: file, workers: 1}")
        environ = {"PORTCULLIS_EXAMPLE_NAME": "environment", "PORTCULLIS_EXAMPLE_WORKERS": "2"}
        loaded = read("--config", str(file), "--workers", "3", environ=environ)
        assert (loaded.state, loaded.name, loaded.workers) == (Path("/file"), "environment", 3)

    def test_another_services_variable_is_not_read(self) -> None:
        assert read("--state", "/s", environ={"PORTCULLIS_OTHER_NAME": "x", "NAME": "y"}).name == ""

    def test_a_service_with_a_dash_has_a_variable(self) -> None:
        loaded = read("--state", "/s", environ={"PORTCULLIS_EXAMPLE_RATIO": "0.25"})
        assert loaded.ratio == 0.25

    def test_a_setting_without_default_must_be_given(self) -> None:
        refused = refusal()
        assert (refused.field, refused.expected) == ("--state", "a value")

    def test_an_empty_variable_counts_as_given(self) -> None:
        assert read("--state", "/s", "--name", "x", environ={"PORTCULLIS_EXAMPLE_NAME": ""}).name == "x"
        assert (
            refusal("--state", "/s", environ={"PORTCULLIS_EXAMPLE_WORKERS": ""}).field
            == "PORTCULLIS_EXAMPLE_WORKERS"
        )

    def test_a_file_may_be_empty(self, file: Path) -> None:
        file.write_text("# nothing yet\n")
        assert read("--config", str(file), "--state", "/s").workers == 4

    def test_yaml_types_are_taken(self, file: Path) -> None:
        file.write_text("{state: /s, verbose: true, ratio: 1, listen: 'localhost:1', name: 7}")
        loaded = read("--config", str(file))
        assert (loaded.verbose, loaded.ratio, loaded.listen, loaded.name) == (
            True,
            1.0,
            Address("localhost", 1),
            "7",
        )


class TestMistakes:
    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--workers", "x"),
            ("--workers", "1.5"),
            ("--workers", ""),
            ("--ratio", "half"),
            ("--ratio", "nan"),
            ("--ratio", "inf"),
            ("--verbose", "maybe"),
            ("--listen", "8080"),
        ],
    )
    def test_an_option_is_named_as_it_was_spelled(self, option: str, value: str) -> None:
        assert refusal("--state", "/s", option, value).field == option

    def test_a_variable_is_named_as_it_was_spelled(self) -> None:
        environ = {"PORTCULLIS_EXAMPLE_WORKERS": "many"}
        assert refusal("--state", "/s", environ=environ).field == "PORTCULLIS_EXAMPLE_WORKERS"

    @pytest.mark.parametrize(
        "text", ["workers: many", "workers: null", "workers: [1]", "workers: {a: 1}", "workers: true"]
    )
    def test_a_key_of_the_file_is_named_with_the_file(self, file: Path, text: str) -> None:
        file.write_text(text)
        assert refusal("--config", str(file), "--state", "/s").field == f"{file}: workers"

    @pytest.mark.parametrize("text", ["state: null", "name: [a]", "name: {a: b}"])
    def test_a_text_must_be_one(self, file: Path, text: str) -> None:
        file.write_text(text)
        assert refusal(
            "--config", str(file), *(() if "state" in text else ("--state", "/s"))
        ).field.startswith(str(file))

    def test_an_unknown_key_is_named(self, file: Path) -> None:
        file.write_text("{stat: /s, state: /s}")
        assert refusal("--config", str(file)).field == f"{file}: stat"

    @pytest.mark.parametrize(
        "text", ["[a]", "text", "7", "{", "a: b: c", "1: x", "\0", "!!python/object:x {}", "&a [*a"]
    )
    def test_a_file_that_is_no_mapping_of_settings_is_named(self, file: Path, text: str) -> None:
        file.write_text(text)
        assert refusal("--config", str(file), "--state", "/s").field.startswith(str(file))

    def test_a_file_that_is_no_text_is_named(self, file: Path) -> None:
        file.write_bytes(b"\xff\xfe\xff")
        assert refusal("--config", str(file)).field == str(file)

    def test_a_missing_file_is_named(self, file: Path) -> None:
        assert refusal("--config", str(file)).field == str(file)

    def test_help_shows_defaults_and_survives_percent_signs(self) -> None:
        parser = argparse.ArgumentParser()
        add_arguments(parser, Example)
        shown = " ".join(parser.format_help().split())
        assert "at most 100 % of all. Default: 4." in shown
        assert "--listen HOST:PORT" in shown


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("127.0.0.1:80", Address("127.0.0.1", 80)),
            ("localhost:0", Address("localhost", 0)),
            ("[::1]:65535", Address("::1", 65535)),
            ("a.example:1", Address("a.example", 1)),
        ],
    )
    def test_it_leads_back_to_its_text(self, text: str, address: Address) -> None:
        assert Address.parse(text) == address
        assert str(address) == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ":",
            ":80",
            "host",
            "host:",
            "host:-1",
            "host:65536",
            "host:٣",
            "::1:80",
            "[::1]",
            "[]:80",
            "host:8 0",
            "host:1\n",
            "host: 1",
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"host:port|brackets"):
            Address.parse(text)

    @given(st.text(max_size=30))
    def test_no_text_breaks_it(self, text: str) -> None:
        try:
            address = Address.parse(text)
        except ValueError:
            return
        assert Address.parse(str(address)) == address
