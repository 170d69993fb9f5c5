"""docs/ports.md names every address that a setting opens, with its default, and the ranges of the quickstart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from agents.settings import AgentSettings
from broker.settings import BrokerSettings
from gateway.settings import ServeSettings
from portcullis.quickstart.instance import INNER_PORTS, PUBLIC_PORTS
from portcullis.quickstart.network import HTTPS_PORT, OTHER_HTTPS_PORTS
from portcullis.settings import Address

PAGE = (Path(__file__).parents[3] / "docs/ports.md").read_text()
PARTS = {"broker": BrokerSettings, "gateway": ServeSettings, "agent": AgentSettings}


@pytest.mark.parametrize(("part", "settings"), PARTS.items())
def test_every_address_that_a_part_listens_on_is_on_the_page(part: str, settings: Any) -> None:
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        if hints[field.name] is Address:
            option = "--" + field.name.replace("_", "-")
            assert f"{part} `{option}` ({field.default})" in PAGE


@pytest.mark.parametrize("settings", PARTS.values())
def test_metrics_are_on_the_page_and_nowhere_by_default(settings: Any) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(settings)}
    assert (defaults["metrics"], defaults["metrics_exposed"]) == ("", False)
    assert "each `--metrics` (none)" in PAGE


@pytest.mark.parametrize("ports", [PUBLIC_PORTS, INNER_PORTS, OTHER_HTTPS_PORTS])
def test_ranges_of_the_quickstart_are_on_the_page(ports: range) -> None:
    assert f"{ports[0]}-{ports[-1]}" in PAGE
    assert str(HTTPS_PORT) in PAGE
