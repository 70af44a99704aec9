"""What the doctor looks at in a certificate."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from config.settings import Settings

SOON = timedelta(days=14)


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
