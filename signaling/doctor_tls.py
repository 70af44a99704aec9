"""What the doctor looks at in certificates: in ours, and in that of the proxy in front of us."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from config.settings import Settings

Check = tuple[str, Callable[[], str | None]]
SOON = timedelta(days=14)
WITHIN = 5.0
EXPIRED, NOT_YET, OTHER_NAME = 10, 9, 62
"""What OpenSSL calls these mistakes in a certificate."""


def checks(settings: Settings) -> list[Check]:
    found: list[Check] = []
    if settings.tls_cert is not None:
        found.append(("the certificate is good", lambda: wrong(settings)))
    if settings.trusted_proxies and settings.secure:
        found.append((f"browsers trust the proxy at {settings.public_url}", lambda: _proxy(settings)))
    return found


def distrust(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Why a certificate that was shown is not believed."""
    if error.verify_code == EXPIRED:
        return "its certificate has expired: renew it, and reload (or is the clock wrong?)"
    if error.verify_code == NOT_YET:
        return "its certificate is not good yet; is the clock right?"
    if "match" in error.verify_message or error.verify_code == OTHER_NAME:
        return f"its certificate is not for {host}"
    return f"its certificate is not trusted: {error.verify_message}"


def _proxy(settings: Settings) -> str | None:
    address = urlsplit(settings.public_url)
    host, port = address.hostname or "", address.port or 443
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), WITHIN) as line,
            context.wrap_socket(line, server_hostname=host) as secured,
        ):
            until = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    except socket.gaierror:
        return f"nobody knows the name {host}: does it stand in DNS?"
    except ssl.SSLCertVerificationError as error:
        return distrust(error, host)
    except ssl.SSLError as error:
        return f"what answers at {host}, port {port}, does not speak TLS ({error.reason})"
    except OSError as error:
        why = f" ({error.strerror})" if error.strerror else ""
        return f"nothing answers at {host}, port {port}{why}: does the proxy run, and is it let through?"
    if time.time() + SOON.total_seconds() > until:
        return f"its certificate expires on {datetime.fromtimestamp(until, UTC):%Y-%m-%d}: renew it"
    return None


def wrong(settings: Settings) -> str | None:
    """With the certificate and the key that pages are served with."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:
        chain = x509.load_pem_x509_certificates(settings.tls_cert.read_bytes())
        key = load_pem_private_key(settings.tls_key.read_bytes(), None)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    except (ValueError, TypeError):
        return (
            f"{settings.tls_cert} and {settings.tls_key} are not a certificate and a key without a password"
        )
    mine = chain[0]
    if _spki(mine.public_key()) != _spki(key.public_key()):
        return f"{settings.tls_key} is not the key of {settings.tls_cert}"
    now = datetime.now(UTC)
    if now > mine.not_valid_after_utc:
        return f"{settings.tls_cert} has expired on {mine.not_valid_after_utc:%Y-%m-%d}"
    if now < mine.not_valid_before_utc:
        return (
            f"{settings.tls_cert} is good from {mine.not_valid_before_utc:%Y-%m-%d} on; is the clock right?"
        )
    if now + SOON > mine.not_valid_after_utc:
        return f"{settings.tls_cert} expires on {mine.not_valid_after_utc:%Y-%m-%d}: renew it"
    host = urlsplit(settings.public_url).hostname or ""
    if not _is_for(mine, host):
        return f"{settings.tls_cert} is not for {host}"
    return None


def _is_for(certificate: x509.Certificate, host: str) -> bool:
    """One star stands for the first word of a name (RFC 9525)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        known = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
        return bool({host, "*." + host.partition(".")[2]} & known)


def _spki(public: Any) -> bytes:
    found: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found
