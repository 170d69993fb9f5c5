"""What FreeRDP is started with, whatever people write."""

from dataclasses import replace
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from agents.linux import environment
from agents.linux.rdp import command
from agents.linux.rdp.bridge import ShownServer, application
from agents.linux.rdp.exit_codes import EXIT_CODES
from portcullis.errors import CODES
from portcullis.model.rdp import (
    Credentials,
    RdpTarget,
    is_fit_gateway,
    is_fit_host,
    is_fit_password,
    is_fit_user_name,
    is_printable,
)
from portcullis.model.session import Display
from portcullis.protocol.orders import Order

PIN = "ab" * 32
HOME = PurePosixPath("/run/portcullis/sessions/s/user")
OPTIONS = {
    *(
        "/v",
        "/u",
        "/d",
        "/from-stdin",
        "/cert",
        "/sec",
        "-sec-rdp",
        "/size",
        "/dynamic-resolution",
        "/t",
        "/kbd",
    ),
    *("+clipboard", "-decorations", "-toggle-fullscreen", "/audio-mode", "/log-level", "/app", "/g"),
    *("/scale-desktop", "/scale-device", "/gateway-usage-method", "/load-balance-info"),
}
OFFERING = (
    "/drive",
    "+home-drive",
    "/printer",
    "/smartcard",
    "/usb",
    "/mic",
    "/microphone",
    "/serial",
    "/parallel",
)


def shown(rdp=None, address="192.0.2.7", user_name="ada", domain="", title="Desk", display=None):
    return command.arguments(
        command.Target(rdp or RdpTarget("ts1.example.com"), address),
        user_name,
        domain,
        title,
        display or Display(1024, 768),
        environment.scale((display or Display()).device_pixel_ratio),
    )


def test_the_address_that_was_judged_is_the_one_that_is_connected_to():
    assert "/v:192.0.2.7:3389" in shown()
    assert "/v:[fd00::5]:3390" in shown(RdpTarget("ts1.example.com", port=3390), "fd00::5")


def test_nothing_but_a_proven_certificate_is_accepted():
    assert "/cert:deny,name:ts1.example.com" in shown()
    pinned = shown(RdpTarget("ts1.example.com", certificate=PIN))
    assert f"/cert:deny,fingerprint:sha256:{':'.join(['ab'] * 32)}" in pinned
    assert not [word for word in (*shown(), *pinned) if "ignore" in word or "tofu" in word]


def test_with_a_pin_no_authority_counts():
    plain = command.environment(RdpTarget("s"), {"PATH": "/bin"}, HOME)
    pinned = command.environment(RdpTarget("s", certificate=PIN), {"PATH": "/bin"}, HOME)
    assert "SSL_CERT_FILE" not in plain
    assert (pinned["SSL_CERT_FILE"], pinned["SSL_CERT_DIR"]) == ("/dev/null", "/nonexistent")


def test_what_was_once_accepted_is_forgotten_with_the_session():
    assert command.environment(RdpTarget("s"), {"HOME": "/home/ada"}, HOME)["HOME"] == str(HOME)


def test_plain_rdp_security_is_never_used():
    for security, word in (("negotiate", "-sec-rdp"), ("nla", "/sec:nla"), ("tls", "/sec:tls")):
        words = shown(RdpTarget("s", security=security))
        assert word in words
        assert "/sec:rdp" not in words


def test_a_gateway_finds_the_server_itself():
    rdp = RdpTarget("ts1.inner", gateway="rdgw.example.com", certificate=PIN, gateway_certificate="cd" * 32)
    words = shown(rdp, None)
    assert words[1] == "/v:ts1.inner:3389"
    assert {"/g:rdgw.example.com:443", "/gateway-usage-method:direct"} <= set(words)
    assert any(word.count("fingerprint:sha256:") == 2 for word in words)


def test_a_domain_before_the_name_is_the_domain():
    assert shown(user_name="CORP\\ada")[2:4] == ["/u:ada", "/d:CORP"]
    assert shown(user_name="CORP\\ada", domain="OTHER")[2:4] == ["/u:CORP\\ada", "/d:OTHER"]
    assert shown(user_name="ada@corp.example")[2:4] == ["/u:ada@corp.example", "/d:"]


def test_size_scale_and_keyboard_are_the_sessions():
    words = shown(display=Display(1600, 900, device_pixel_ratio=2.0, layout="de(nodeadkeys)"))
    assert {"/size:1600x900", "/scale-desktop:200", "/scale-device:180", "/kbd:0x00000407"} <= set(words)
    assert not [word for word in shown(display=Display(layout="xx")) if word.startswith(("/kbd", "/scale"))]


def test_a_remote_application_and_a_balancer_are_passed_on():
    rdp = RdpTarget("s", program="||winword", load_balance_info="tsv://MS Terminal Services Plugin.1.Farm")
    assert "/app:||winword" in shown(rdp)
    assert "/load-balance-info:tsv://MS Terminal Services Plugin.1.Farm" in shown(rdp)


LINES = st.text(max_size=40).filter(is_printable)
HOSTILE = st.one_of(
    LINES,
    st.sampled_from(
        ["/p:x", "/cert:ignore", "+home-drive", "-nego", "a /drive:x,/", "/args-from:stdin", "--", "x,tofu"]
    ),
)


@st.composite
def targets(draw):
    server = draw(st.sampled_from(["s", "ts-1.example.com", "192.0.2.7", "fd00::5"]))
    gateway = draw(st.sampled_from(["", "g.example.com", "g:444"]))
    pin = draw(st.sampled_from(["", PIN]))
    return RdpTarget(
        server=server,
        port=draw(st.integers(1, 65535)),
        domain=draw(HOSTILE),
        security=draw(st.sampled_from(["negotiate", "nla", "tls"])),
        certificate=pin,
        program=draw(HOSTILE),
        gateway=gateway,
        gateway_certificate=pin if gateway else "",
        load_balance_info=draw(HOSTILE),
    )


@given(
    rdp=targets(),
    name=HOSTILE.filter(is_fit_user_name),
    title=HOSTILE,
    password=st.text(min_size=1, max_size=60).filter(is_fit_password),
)
def test_no_text_becomes_another_option_and_no_secret_an_argument(rdp, name, title, password):
    secret = f"<{password}>"  # so that it is not part of anything else by chance
    order = Order(
        "5" * 16, "7" * 16, "u" * 16, "Ada", 0, "pending", "a" * 16, title, (), {}, Display(), rdp=rdp
    )
    server = ShownServer(
        command.Target(rdp, None if rdp.gateway else "192.0.2.7"), Credentials(name, rdp.domain, secret)
    )
    made = application(order, server, {"PATH": "/bin"}, HOME)
    words = made["command"]
    assert words[0] == "xfreerdp"
    assert {word.partition(":")[0] for word in words[1:]} <= OPTIONS
    assert not [word for word in words if word.startswith(OFFERING)]
    assert len([word for word in words if word.startswith("/cert")]) == 1
    assert not [word for word in words if secret in word or "\0" in word or "\n" in word]
    assert secret not in str(made["environment"])
    assert made["entered"] == f"{secret}\n"


def test_nobody_reads_a_password_in_a_repr():
    credentials = Credentials("ada", "", "Tr0ub4dor")
    assert "Tr0ub4dor" not in repr(ShownServer(command.Target(RdpTarget("s"), None), credentials))


def test_exit_statuses_mean_codes_that_there_are():
    assert set(EXIT_CODES.values()) <= set(CODES)
    assert EXIT_CODES[7] == EXIT_CODES[158] == "rdp_not_permitted"
    assert {status: EXIT_CODES[status] for status in (2, 5, 16, 131, 132, 133, 134, 135, 143, 147, 148, 154)} == {
        2: "rdp_disconnected", 5: "rdp_taken_over", 16: "rdp_licence", 131: "rdp_protocol",
        132: "rdp_sign_in_refused", 133: "rdp_security_refused", 134: "rdp_sign_in_refused",
        135: "rdp_account_unusable", 143: "rdp_certificate_refused", 147: "rdp_broken_off",
        148: "rdp_password_expired", 154: "rdp_sign_in_refused",
    }  # fmt: skip
    assert not {0, 11, 12} & set(EXIT_CODES)  # the user's own doing


def test_hosts_and_gateways_are_names_and_addresses_alone():
    for text in ("s", "ts-1.example.com", "ts1.example.com.", "192.0.2.7", "fd00::5", "::1", "x_y"):
        assert is_fit_host(text), text
    for text in (
        "",
        "a b",
        "a/b",
        "-a",
        "a:1",
        "a,b",
        "[::1]",
        "fe80::1%eth0",
        "a\n",
        "ä.de",
        "a..b",
        "x" * 254,
    ):
        assert not is_fit_host(text), text
    assert is_fit_gateway("") and is_fit_gateway("g.example.com:8443")
    assert not [text for text in ("g:0", "g:99999", "g:x", "::1", "g /p:x") if is_fit_gateway(text)]


def test_passwords_are_lines_that_freerdp_can_read():
    assert is_fit_password("pässwörd mit Leerzeichen ,/:") and is_fit_password("x" * 256)
    for text in ("", "a\nb", "a\rb", "a\0b", "x" * 257, "€" * 200, "\ud800"):
        assert not is_fit_password(text), text


def test_another_server_is_another_destination():
    one = RdpTarget("TS1.example.com", domain="CORP")
    assert one.destination == replace(one, server="ts1.EXAMPLE.com", domain="corp", program="||x").destination
    others = [
        replace(one, server="ts2"),
        replace(one, port=3390),
        replace(one, gateway="g"),
        replace(one, domain=""),
    ]
    assert one.destination not in {each.destination for each in others}
