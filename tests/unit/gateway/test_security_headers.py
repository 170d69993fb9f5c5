from gateway.origins import Origins
from gateway.security_headers import content_security_policy, sharing_headers

SITE = Origins.parse(["http://localhost:8080", "http://localhost:8081"])


def test_a_page_of_another_gateway_may_read_with_its_cookie():
    headers = sharing_headers(SITE, "http://localhost:8080", "localhost:8081")
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Vary"] == "Origin"


def test_nobody_else_is_told_anything():
    for origin in (None, "null", "*", "http://localhost", "http://localhost:8082", "https://localhost:8080"):
        assert sharing_headers(SITE, origin, "localhost:8081") == {}


def test_a_page_of_this_gateway_needs_nothing():
    assert sharing_headers(SITE, "http://localhost:8081", "localhost:8081") == {}


def test_streams_and_requests_may_go_to_every_gateway_of_the_site():
    connect = next(
        part for part in content_security_policy(SITE).split("; ") if part.startswith("connect-src")
    )
    assert connect.split() == [
        *("connect-src", "'self'", "http://localhost:8080", "ws://localhost:8080"),
        *("http://localhost:8081", "ws://localhost:8081"),
    ]
