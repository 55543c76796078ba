"""TLS in the words of an address, which are the same for every server: `ssl_cert_reqs`, `ssl_ca_certs` and so on."""

import ssl
from pathlib import Path

from app.core.addresses import is_true

# How others call them.
FILES = {
    "ssl_ca_certs": ("ssl_ca_certs", "ssl_ca", "ssl-ca", "sslca", "sslrootcert", "ca_certs", "cacertfile"),
    "ssl_certfile": ("ssl_certfile", "ssl_cert", "ssl-cert", "sslcert", "certfile"),
    "ssl_keyfile": ("ssl_keyfile", "ssl_key", "ssl-key", "sslkey", "keyfile"),
}
WORDS = {"ssl_cert_reqs", "ssl_check_hostname", *FILES}
# Debian and Alpine, Red Hat, and macOS.
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
NONE = {"none", "cert_none", "verify_none", "false", "0", "no", "off"}
REQUIRED = {"required", "cert_required", "optional", "cert_optional", "verify_peer", "true", "1", "yes", "on"}


def taken(query: dict[str, str]) -> dict[str, str]:
    """Take out of an address's parameters those about TLS, and return them in the words of this module.

    Raises:
        ValueError: One of them makes no sense, or names a file that is not there.
    """
    words = {}
    for word, names in FILES.items():
        given = [query.pop(name) for name in names if name in query]
        if given and given[0]:
            if not Path(given[0]).is_file():
                message = f"{word} names a file that is not there"
                raise ValueError(message)
            words[word] = given[0]
    given = [query.pop(name) for name in ("ssl_cert_reqs", "verify") if name in query]
    if given:
        if given[0].lower() not in NONE | REQUIRED:
            message = "ssl_cert_reqs must be required or none"
            raise ValueError(message)
        words["ssl_cert_reqs"] = "none" if given[0].lower() in NONE else "required"
    if "ssl_check_hostname" in query and not is_true(query.pop("ssl_check_hostname")):
        words["ssl_check_hostname"] = "false"
    return words


def checked(words: dict[str, str]) -> dict[str, str]:
    """Return the words with what is not said: that the server's certificate is checked."""
    return {"ssl_cert_reqs": "required", **words}


def context(words: dict[str, str]) -> ssl.SSLContext:
    """Return what a driver needs that wants no words."""
    made = ssl.create_default_context(cafile=words.get("ssl_ca_certs"))
    made.check_hostname = words.get("ssl_check_hostname") != "false"
    if words.get("ssl_cert_reqs") == "none":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in words:
        made.load_cert_chain(words["ssl_certfile"], words.get("ssl_keyfile"))
    return made


def authorities() -> str:
    """Return the file with the certificate authorities of this machine, for programs that look in other places."""
    candidates = [ssl.get_default_verify_paths().cafile, *BUNDLES]
    return next((path for path in candidates if path and Path(path).is_file()), "system")
