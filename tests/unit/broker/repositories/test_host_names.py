"""Under which origins a tenant's host names are reached."""

from __future__ import annotations

from broker.repositories.host_names import host_name_of, origins_of

SITE = ("https://apps.example", "https://apps.example:8443", "http://localhost:8080")


def test_a_name_is_reached_on_the_schemes_and_ports_of_the_site() -> None:
    assert origins_of(["acme.example"], SITE) == ("https://acme.example", "https://acme.example:8443")


def test_plain_http_is_for_this_machine_alone() -> None:
    assert "http://acme.localhost:8080" in origins_of(["acme.localhost"], SITE)
    assert not [origin for origin in origins_of(["localhost.example"], SITE) if origin.startswith("http:")]


def test_a_host_name_is_told_from_its_origin() -> None:
    assert [host_name_of(origin) for origin in (*SITE, "")] == [*["apps.example"] * 2, "localhost", ""]
