from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from gateway.api_proxy import check_change, forwarded_headers, is_plain_path
from gateway.origins import Origins
from portcullis.errors import Refused

SITE = Origins.parse(["http://localhost:8080"])


@given(st.text(alphabet="/.%2fFeE5cC0;\\?#ab ", max_size=24))
def test_a_plain_path_stays_below_the_prefix_however_it_is_read(text):
    path = "/api/v1/" + text
    if is_plain_path(path):
        for reading in (URL(path).path, URL(path, encoded=True).path, URL(URL(path).path).path):
            assert reading.startswith("/api/v1/")
            assert ".." not in reading.split("/")
            assert "//" not in reading


NAME = st.text(alphabet=st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@given(st.lists(NAME, min_size=1, max_size=4))
def test_any_printable_name_can_be_asked_for(names):
    wanted = [name.replace("/", "-").replace("\\", "-").replace("%", "-") for name in names]
    path = "/api/v1/" + "/".join(quote(name, safe="") for name in wanted)
    assert is_plain_path(path) == all(name not in (".", "..") and name.isprintable() for name in wanted)


def test_headers_that_repeat_stay_apart():
    headers = CIMultiDict([("Cookie", "a=1"), ("Cookie", "b=2"), ("Connection", "Cookie2"), ("Cookie2", "x")])
    assert list(forwarded_headers(headers).items()) == [("Cookie", "a=1"), ("Cookie", "b=2")]


def test_several_connection_headers_all_count():
    headers = CIMultiDict([("Connection", "close"), ("Connection", "X-B"), ("X-B", "1"), ("X-C", "2")])
    assert list(forwarded_headers(headers)) == ["X-C"]


def test_two_origins_are_refused_whichever_comes_first():
    own, evil = ("Origin", "http://localhost:8080"), ("Origin", "http://evil.example")
    for headers in ([own, evil], [evil, own], [own, own]):
        with pytest.raises(Refused):
            check_change(CIMultiDict(headers), SITE)
    check_change(CIMultiDict([own]), SITE)
