"""What a failed TLS handshake means, in words."""

from __future__ import annotations

import ssl

from resonance_tui.protocol.urls import BrokerUrl

_PIN_OR_CA = (
    "Join with an invite, add ?pin=FINGERPRINT, which the host's broker prints, or name the "
    "authority that signed it: --ca FILE"
)
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
        return f"the certificate of {url.authority} is not valid: {error.verify_message}"
    if _wants_certificate(error, url):
        return f"{url.authority} wants to see a certificate of ours"
    if _is_ours_refused(error, url):
        reason = (error.reason or "").rpartition("ALERT_")[2].lower().replace("_", " ")
        return f"{url.authority} does not take our certificate {_cert(url)}: {reason}"
    return f"{url.authority} does not speak TLS with us: {error.reason or error}"


def tls_advice(error: ssl.SSLError, url: BrokerUrl) -> str:
    """What to do about it; "" where nobody knows."""
    if isinstance(error, ssl.SSLCertVerificationError):
        ca = url.files.ca if url.files else ""
        return (
            f"None of the authorities in {ca}, nor of this system, vouches for it"
            if ca
            else (_PIN_OR_CA)
        )
    if _wants_certificate(error, url):
        return "Show one: --cert FILE --key FILE"
    if _is_ours_refused(error, url):
        return "Ask whoever runs that broker for a certificate that it takes"
    if any(each in (error.reason or "") for each in _NO_TLS):
        return f"Is it {_PLAIN[url.scheme]}:// there?"
    return ""


def _cert(url: BrokerUrl) -> str:
    return url.files.cert if url.files else ""


def _wants_certificate(error: ssl.SSLError, url: BrokerUrl) -> bool:
    return not _cert(url) and any(each in (error.reason or "") for each in _WANTED)


def _is_ours_refused(error: ssl.SSLError, url: BrokerUrl) -> bool:
    return bool(_cert(url)) and any(each in (error.reason or "") for each in _NOT_TAKEN)
