"""Where no delivery goes: addresses that lead inside, and URLs that could be read in two ways. Pure."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_MAX: Final = 2_000
PORT_LEAST: Final = 1_024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PORT_MAX: Final = 65_535
_HOST_MAX: Final = 253

# One reading for everybody: no user, no fragment, no backslash, no blank, no control character, nothing beyond ASCII.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$-;=?-\[\]_a-z~]*|\?[!$-;=?-\[\]_a-z~]*)?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)

# Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890), multicast (RFC 5771), as of November 2026; and the
# public address at which Azure's platform answers its own machines (168.63.129.16), by Microsoft's documentation.
_CLOSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Source: IANA IPv6 Special-Purpose Address Registry; global unicast is 2000::/3 (RFC 4291), and nothing else is open.
_OPEN_V6: Final = IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")  # Teredo, 6to4 …
)
_MAPPED: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4 in the last four bytes: mapped (RFC 4291), and through a NAT64 gateway (RFC 6052)."""


class Target(Struct, frozen=True, kw_only=True):
    """A URL as it is sent to; `address` where its host is one already."""

    host: str
    port: int
    address: Address | None


class UrlRefusedError(ValueError):
    """Nothing is sent to such a URL; the message says why and what to write."""


def read_url(url: str, *, livemode: bool, allowed: Sequence[Network]) -> Target:
    """Check how *url* is written; *allowed* are closed networks that may be sent to in test mode.

    Raises:
        UrlRefusedError: for anything but a plain http or https URL, plain http in live mode, and a forbidden address.
    """
    parts = _URL.fullmatch(url)
    if parts is None or len(url) > URL_MAX:
        raise UrlRefusedError(
            "must be a URL such as https://shop.example/hook: no user, no fragment, ASCII only (write other characters "
            f"percent-encoded, names as xn--…), {URL_MAX} characters at most"
        )
    scheme = parts["scheme"].lower()
    if livemode and scheme != "https":
        raise UrlRefusedError("must begin with https:// in live mode")
    port = int(parts["port"]) if parts["port"] else _DEFAULT_PORTS[scheme]
    if port not in _DEFAULT_PORTS.values() and not PORT_LEAST <= port <= _PORT_MAX:
        raise UrlRefusedError(f"has a port that is not sent to; take 80, 443, or one from {PORT_LEAST} on")
    host, address = _host(parts["host"])
    if address is not None and not is_open(address, livemode=livemode, allowed=allowed):
        raise UrlRefusedError("is a private, loopback, link-local or otherwise reserved address")
    return Target(host=host, port=port, address=address)


def is_open(address: Address, *, livemode: bool, allowed: Sequence[Network]) -> bool:
    """Whether deliveries go to *address*: to public ones, and in test mode to those *allowed* besides."""
    inner = _unwrapped(address)
    if isinstance(inner, IPv4Address):
        public = not any(inner in network for network in _CLOSED_V4)
    else:
        public = inner in _OPEN_V6 and not any(inner in network for network in _CLOSED_V6)
    return public or (not livemode and any(inner in network for network in allowed))


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and any(address in network for network in _MAPPED):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _host(written: str) -> tuple[str, Address | None]:
    if written.startswith("["):
        try:
            return written[1:-1], IPv6Address(written[1:-1])
        except ValueError:
            raise UrlRefusedError("has no IPv6 address between its brackets") from None
    labels = written.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # Some read 0x7f.1, 2130706433 and 0177.0.0.1 as addresses; here none is one.
        try:
            return written, IPv4Address(written)
        except ValueError:
            raise UrlRefusedError("has a host that is a number but no address such as 192.0.2.1") from None
    if len(written) > _HOST_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefusedError("has a host that is no name")
    return written, None


def parse_address(text: str) -> Address:
    """Read an address as a resolver or a socket gives it, with or without a zone.

    Raises:
        ValueError: for what is none.
    """
    return ip_address(text.partition("%")[0])
