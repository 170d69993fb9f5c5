"""One xrdp and one freerdp-shadow for all tests here."""

import pytest

from tests.support.rdp_servers import screen, shadow, xrdp


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory):
    with xrdp(tmp_path_factory.mktemp("xrdp") / "server", "exec sleep 600") as server:
        yield server


@pytest.fixture(scope="session")
def nla_server(tmp_path_factory):
    with screen() as display, shadow(tmp_path_factory.mktemp("shadow") / "server", display) as server:
        yield server
