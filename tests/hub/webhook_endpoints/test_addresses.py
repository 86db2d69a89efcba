"""Which URLs and addresses are sent to."""

from ipaddress import ip_address, ip_network

import pytest

from hub.webhook_endpoints.addresses import UrlRefusedError, is_open, parse_address, read_url

INSIDE = (
    "0.0.0.7", "10.1.2.3", "100.64.0.1", "100.100.100.200", "168.63.129.16", "127.0.0.1", "127.8.8.8",
    "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1",
    "2002:808:808::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_closed_however_it_is_wrapped(address: str) -> None:
    assert not is_open(ip_address(address), livemode=False, allowed=())


def test_a_network_inside_is_closed_from_its_first_address_to_its_last() -> None:
    ends = (
        "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 "
        "169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255 "
        "192.31.196.0 192.31.196.255 192.52.193.0 192.52.193.255 192.88.99.0 192.88.99.255 192.168.0.0 "
        "192.168.255.255 192.175.48.0 192.175.48.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 "
        "203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255 1fff:ffff::1 4000:: 2001:: "
        "2001:1ff:ffff::1 2001:db8:: 2001:db8:ffff::1 2002:: 2002:ffff::1 2620:4f:8000:: 2620:4f:8000:ffff::1 3fff:: "
        "3fff:fff:ffff::1"
    )
    beside = (
        "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 "
        "168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 "
        "192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.167.255.255 "
        "192.169.0.0 192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 "
        "203.0.114.0 223.255.255.255 2001:200:: 2001:db7:ffff::1 2001:db9:: 2003:: 2620:4f:7fff:: 2620:4f:8001:: "
        "3ffe:ffff::1 3fff:1000::"
    )

    assert [one for one in ends.split() if is_open(ip_address(one), livemode=False, allowed=())] == []
    assert [one for one in beside.split() if not is_open(ip_address(one), livemode=True, allowed=())] == []


def test_an_address_is_read_with_the_zone_that_a_socket_gives_it() -> None:
    assert parse_address("fe80::1%eth0") == ip_address("fe80::1")


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_open(address: str) -> None:
    assert is_open(ip_address(address), livemode=True, allowed=())


def test_an_allowed_network_is_open_in_test_mode_only() -> None:
    allowed = [ip_network("127.0.0.0/8")]

    assert is_open(ip_address("127.0.0.1"), livemode=False, allowed=allowed)
    assert is_open(ip_address("::ffff:127.0.0.1"), livemode=False, allowed=allowed)
    assert not is_open(ip_address("127.0.0.1"), livemode=True, allowed=allowed)
    assert not is_open(ip_address("10.0.0.1"), livemode=False, allowed=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example", "https://shop.example/hook?key=a%20b&c=d", "http://shop.example:8080/",
        "https://8.8.8.8/", "https://shop.example:1024/",
        "https://[2606:4700::1111]:8443/x", "https://xn--caf-dma.example/", "HTTPS://Shop.Example/", "https://a.b.c./",
    ],
)  # fmt: skip
def test_a_plain_url_is_taken(url: str) -> None:
    read_url(url, livemode=False, allowed=())


@pytest.mark.fault_case(id="WHO-04")
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://shop.example/", "must be a URL"),
        ("shop.example", "must be a URL"),
        ("https://", "must be a URL"),
        ("https:///hook", "must be a URL"),
        ("https://ada@shop.example/", "must be a URL"),
        ("https://ada:word@shop.example/", "must be a URL"),
        ("https://shop.example/#part", "must be a URL"),
        ("https://shop.example\\@127.0.0.1/", "must be a URL"),
        ("https://shop.example /", "must be a URL"),
        ("https://shop.example/\r\nHost: x", "must be a URL"),
        ("https://shop.example/\n", "must be a URL"),
        ("https://café.example/", "must be a URL"),
        ("https://shop.example/" + "a" * 2_000, "must be a URL"),
        ("https://[fe80::1%25eth0]/", "must be a URL"),
        ("https://shop.example:22/", "port"),
        ("https://shop.example:0/", "port"),
        ("https://shop.example:65536/", "port"),
        ("https://[:::]/", "IPv6"),
        ("https://-shop.example/", "no name"),
        ("https://shop..example/", "no name"),
        ("http://2130706433/", "number"),
        ("http://0x7f000001/", "number"),
        ("http://0x7f.1/", "number"),
        ("http://127.1/", "number"),
        ("http://0177.0.0.1/", "number"),
        ("http://127.0.0.1./", "number"),
        ("http://127.0.0.1/", "private"),
        ("http://169.254.169.254/latest/meta-data/", "private"),
        ("http://0/", "number"),
        ("http://1/", "number"),
        ("http://0300.0250.0.1/", "number"),
        ("http://127.0.0.1%2f@shop.example/", "must be a URL"),
        ("http://shop.example@127.0.0.1/", "must be a URL"),
        ("http://[::]/", "private"),
        ("http://[fd00:ec2::254]/", "private"),
        ("http://[::ffff:a9fe:a9fe]/", "private"),
        ("http://[::ffff:0:127.0.0.1]/", "private"),
        ("http://\u2460\u2461\u2466.0.0.1/", "must be a URL"),
        ("http://[::1]/", "private"),
        ("http://[::ffff:127.0.0.1]/", "private"),
        ("http://[64:ff9b::7f00:1]/", "private"),
    ],
)
def test_any_other_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(UrlRefusedError, match=why):
        read_url(url, livemode=False, allowed=())


def test_live_mode_wants_https() -> None:
    with pytest.raises(UrlRefusedError, match="https"):
        read_url("http://shop.example/", livemode=True, allowed=())
