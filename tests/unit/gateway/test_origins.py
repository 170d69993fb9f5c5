import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.origins import Origins, parse_origin
from portcullis.errors import InvalidInput

SITE = Origins.parse(["http://localhost:8080", "https://apps.example:443", "https://apps.example:8443"])


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("HTTPS://Apps.Example", "https://apps.example"),
        ("https://apps.example:443", "https://apps.example"),
        ("http://apps.example:80", "http://apps.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_takes_the_form_that_browsers_send(text, origin):
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://x/path",
        "http://x?y",
        "http://x#",
        "http://u@x",
        "http://u:p@x",
        "http://x:99999",
        "http://x:port",
        "http://éx",
        "null",
        "https://*",
        "https://a b",
        "https://a;frame-ancestors",
        "https://a,b",
        "https://'self'",
        'https://a"b',
        "https://[fe80::1%; frame-ancestors *]",
    ],
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_origin(text)


def test_a_site_without_origins_is_refused():
    with pytest.raises(InvalidInput):
        Origins.parse([])


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("LocalHost:8080", "http://localhost:8080"),
        ("apps.example", "https://apps.example"),
        ("apps.example:8443", "https://apps.example:8443"),
        ("apps.example:443", None),
        ("localhost", None),
        ("127.0.0.1:8080", None),
        ("apps.example.evil", None),
        ("", None),
    ],
)
def test_a_host_calls_the_origin_that_bears_its_name(host, origin):
    assert SITE.called_by(host) == origin


@given(st.text(max_size=40))
def test_no_text_but_an_origin_itself_is_allowed(text):
    assert SITE.allow(text) == (text in SITE.texts)


def test_a_missing_origin_is_not_allowed():
    assert not SITE.allow(None)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8443", "https://apps.example:8443"),
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("evil", "http://localhost:8080"),
        ("", "http://localhost:8080"),
    ],
)
def test_a_stray_navigation_goes_to_the_gateway_that_was_met(host, origin):
    assert SITE.nearest(host) == origin


def test_a_tenants_own_name_is_served_and_named_in_no_page_of_another():
    origins = Origins.parse(["https://apps.example"], ["https://acme.example", "https://globex.example"])
    assert origins.called_by("ACME.example") == "https://acme.example"
    assert origins.called_by("acme.example:8443") is None
    assert origins.named_at("apps.example") == ("https://apps.example",)
    assert origins.named_at("acme.example") == ("https://apps.example", "https://acme.example")


def test_a_tenants_page_acts_on_the_sites_names_and_its_own_and_on_no_other_tenants():
    origins = Origins.parse(["https://apps.example"], ["https://acme.example", "https://globex.example"])
    assert origins.allow("https://acme.example", "apps.example")
    assert origins.allow("https://acme.example", "acme.example")
    assert not origins.allow("https://acme.example", "globex.example")
    assert not origins.allow("https://initech.example", "apps.example")


def test_a_gateway_under_https_knows_no_plain_name_of_a_tenant():
    origins = Origins.parse(
        ["https://apps.example", "http://localhost"], ["http://acme.localhost", "https://a.example"]
    )
    assert origins.over_tls().own == {"https://a.example"}
