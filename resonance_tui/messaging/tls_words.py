"""What a failed TLS handshake means, in words."""

from __future__ import annotations

import ssl

from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark

_PIN_OR_CA = mark(
    "Join with an invite, add ?pin=FINGERPRINT, which the host's broker prints, or name the "
    "authority that signed it: --ca FILE"
)
_ASK_OR_CLOCK = mark("Ask whoever runs it for a new one; or is the clock of this machine wrong?")
_OTHER_NAME = mark(
    "Write the name or address that stands in it, or join with an invite of the host"
)
_BY_VERIFY_CODE = {
    **dict.fromkeys((9, 10), _ASK_OR_CLOCK),  # not valid yet, has expired
    **dict.fromkeys((62, 64), _OTHER_NAME),  # of another host, of another IP address
}
_WANTED = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")  # of TLS 1.3 and of 1.2
_NOT_TAKEN = (
    *("ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE", "ALERT_UNSUPPORTED"),
    *("ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR"),
)
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
_PLAIN = {"mqtts": "mqtt", "wss": "ws"}


def why_no_tls(error: ssl.SSLError, url: BrokerUrl) -> str:
    """One line for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return mark(
            "the certificate of {authority} is not valid: {verify_message}",
            authority=url.authority,
            verify_message=error.verify_message,
        )
    if _wants_certificate(error, url):
        return mark("{authority} wants to see a certificate of ours", authority=url.authority)
    if _is_ours_refused(error, url):
        reason = (error.reason or "").rpartition("ALERT_")[2].lower().replace("_", " ")
        return mark(
            "{authority} does not take our certificate {url}: {reason}",
            authority=url.authority,
            url=_cert(url),
            reason=reason,
        )
    return f"{url.authority} does not speak TLS with us: {error.reason or error}"


def is_about_certificates(error: ssl.SSLError, url: BrokerUrl) -> bool:
    """Whether a certificate, theirs or ours, is what is wrong: trying again does not help."""
    is_theirs = isinstance(error, ssl.SSLCertVerificationError)
    return is_theirs or _wants_certificate(error, url) or _is_ours_refused(error, url)


def tls_advice(error: ssl.SSLError, url: BrokerUrl) -> str:
    """What to do about it; "" where nobody knows."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code) or _no_authority(url)
    if _wants_certificate(error, url):
        return mark("Show one: --cert FILE --key FILE")
    if _is_ours_refused(error, url):
        return mark("Ask whoever runs that broker for a certificate that it takes")
    if any(each in (error.reason or "") for each in _NO_TLS):
        return mark("Is it {plain}:// there?", plain=_PLAIN[url.scheme])
    return ""


def _no_authority(url: BrokerUrl) -> str:
    ca = url.files.ca if url.files else ""
    return (
        mark("None of the authorities in {ca}, nor of this system, vouches for it", ca=ca)
        if ca
        else _PIN_OR_CA
    )


def _cert(url: BrokerUrl) -> str:
    return url.files.cert if url.files else ""


def _wants_certificate(error: ssl.SSLError, url: BrokerUrl) -> bool:
    return not _cert(url) and any(each in (error.reason or "") for each in _WANTED)


def _is_ours_refused(error: ssl.SSLError, url: BrokerUrl) -> bool:
    return bool(_cert(url)) and any(each in (error.reason or "") for each in _NOT_TAKEN)
