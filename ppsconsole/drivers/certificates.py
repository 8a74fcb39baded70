"""What a TLS certificate says: until when it is valid, which names it covers, and why it was not accepted."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from ppsconsole.masking import plain

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED and the others: openssl/x509_vfy.h
_NAME_MISMATCHES = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH

_NAMES_LIMIT = 100


def refusal(error: ssl.SSLCertVerificationError, name: str) -> tuple[Literal["expired", "wrong-name", "bad-certificate"], str]:
    """Return a word and a sentence for a certificate that was not accepted when `name` was asked for."""
    said = plain(error.verify_message)
    if error.verify_code == _EXPIRED:
        return "expired", "the certificate, or one above it, has expired"
    if error.verify_code in _NAME_MISMATCHES:
        return "wrong-name", f"the certificate does not cover the name {name}"
    return "bad-certificate", f"the certificate is not trusted: {said}"


def of_verified(certificate: Mapping[str, Any] | None) -> tuple[float | None, tuple[str, ...]]:
    """Return end (seconds since 1970 UTC) and names from what `ssl` tells of a certificate that it accepted."""
    if not certificate:
        return None, ()
    ends_at = float(ssl.cert_time_to_seconds(certificate["notAfter"])) if "notAfter" in certificate else None
    return ends_at, tuple(plain(str(value)) for _, value in certificate.get("subjectAltName", ())[:_NAMES_LIMIT])


def of_der(der: bytes) -> tuple[float | None, tuple[str, ...]]:
    """Return end and names of a certificate that was *not* accepted, for telling the operator; never a reason to trust it."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        ends_at = certificate.not_valid_after_utc.timestamp()
    except ValueError:
        return None, ()
    try:
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ends_at, ()
    names = [*covered.get_values_for_type(x509.DNSName), *map(str, covered.get_values_for_type(x509.IPAddress))]
    return ends_at, tuple(plain(name) for name in names[:_NAMES_LIMIT])


@cache
def unverified_context() -> ssl.SSLContext:
    """Return the context that accepts every certificate: only for reading one that was refused before."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
