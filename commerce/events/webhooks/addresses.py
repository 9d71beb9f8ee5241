"""Where a webhook may go: to others by HTTPS, never into our own network."""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
from django.conf import settings

from commerce.kernel.errors import InvalidInput

LONGEST = 500
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""RFC 6052 (NAT64) and, of old, RFC 4291: the last 32 bits are an address of the older kind."""


class NotAllowed(Exception):
    """The name leads nowhere, or to where a webhook must not go; the text says which."""


@dataclass(frozen=True, slots=True)
class Way:
    """An address that was looked up and judged once, and where to connect: nobody can lead the
    name elsewhere in between."""

    url: httpx.URL
    host: str
    name: str


def checked_url(text: str) -> str:
    """The address as it is kept.

    Raises:
        InvalidInput: `bad_address`: not HTTPS with a host name, with a password in it, or a number
            that leads into a private network.
    """
    url = _parsed(text)
    try:
        inside = _is_inside(url.host)
    except ValueError:
        inside = url.host == "localhost" or url.host.endswith(".local")
    if inside and not settings.WEBHOOKS_STAY_HOME:
        raise _bad("A webhook can't go into a private network; name a public address.")
    return str(url)


def way_to(text: str) -> Way:
    """Look the name up. All that it leads to must be public.

    Raises:
        NotAllowed: it leads nowhere, or into a private network.
    """
    url = httpx.URL(text)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotAllowed(f"{url.host} is not known") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.WEBHOOKS_STAY_HOME and any(_is_inside(each) for each in addresses):
        raise NotAllowed(f"{url.host} leads into a private network")
    return Way(url.copy_with(host=addresses[0]), url.netloc.decode(), url.host)


def _parsed(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text.strip())
        host = url.host.encode("idna")
    except (httpx.InvalidURL, TypeError, UnicodeError) as error:
        raise _bad("That is not an address.") from error
    schemes = ("https", "http") if settings.WEBHOOKS_STAY_HOME else ("https",)
    if url.scheme not in schemes or not host or len(str(url)) > LONGEST:
        raise _bad("Name an address that begins with https://.")
    if url.userinfo or url.fragment:
        raise _bad("An address holds no password and no fragment.")
    return url


def _is_inside(address: str) -> bool:
    """Raises ValueError where it is a name."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        within = _wrapped(found)
        if found.is_site_local or (within is not None and not within.is_global):
            return True
    return not found.is_global or found.is_multicast


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """The address of the older kind to which a gateway would lead this one."""
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(address.packed[-4:])
    return address.sixtofour


def _bad(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code="bad_address", field="url")
