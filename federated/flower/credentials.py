"""The fleet's keys: an authority, the server's certificate, and a key pair for each node.

TLS by the authority tells nodes who the server is; nodes are known by their keys (NIST P-384),
which the server registers. `leadone federated keys` makes all of them; those of an own authority
will do as well, in files of the same names.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ...edge.errors import InputError
from ...edge.files import make_folder

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY, AUTHORITY_KEY = "ca.crt", "ca.key"
CERTIFICATE, CERTIFICATE_KEY = "server.crt", "server.key"
NODES = "nodes"


def make_credentials(folder: Path, host: str, nodes: list[str], days: int = 365) -> None:
    """An authority and the server's certificate if there are none, and a key for each new node."""
    make_folder(folder / NODES)
    if not (folder / AUTHORITY).exists():
        _make_server(folder, host, days)
    for node in nodes:
        if not node or Path(node).name != node or node.startswith("."):
            raise InputError(f"{node!r} can't be a node's name; take letters and digits")
        _make_node(folder / NODES / node)


def public_keys(folder: Path) -> list[Path]:
    """The nodes that the server knows."""
    return sorted((folder / NODES).glob("*.pub"))


def check_server(folder: Path) -> None:
    """InputError where a file is missing or the certificate is not valid today."""
    for name in (AUTHORITY, CERTIFICATE, CERTIFICATE_KEY):
        if not (folder / name).is_file():
            raise InputError(f"{folder} has no {name}; make it with `leadone federated keys`")
    for name in (AUTHORITY, CERTIFICATE):
        check_certificate(folder / name)


def check_certificate(path: Path) -> None:
    """InputError where a certificate can't be read or is not valid today."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise InputError(f"{path} is no certificate; get it from the fleet's server") from None
    now = datetime.now(UTC)
    if now > found.not_valid_after_utc:
        day = found.not_valid_after_utc.date()
        raise InputError(f"the certificate {path} expired on {day}; make a new one")
    if now < found.not_valid_before_utc:
        raise InputError(f"the certificate {path} is not valid yet; check this machine's clock")


def _make_server(folder: Path, host: str, days: int) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, server = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    root = _signed("leadone fleet authority", authority, authority, None, days, _AuthorityUse())
    try:
        name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    leaf = _signed(host, server, authority, root, days, _ServerUse(name))
    for path, certificate in ((folder / AUTHORITY, root), (folder / CERTIFICATE, leaf)):
        path.write_bytes(_pem(certificate))
    for path, key in ((folder / AUTHORITY_KEY, authority), (folder / CERTIFICATE_KEY, server)):
        _write_key(path, key)


class _AuthorityUse:
    """What an authority's certificate may do."""

    def add(self, builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        from cryptography import x509

        no = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"),
            False,
        )  # fmt: skip
        use = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **no)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        return builder.add_extension(basic, critical=True).add_extension(use, critical=True)


class _ServerUse:
    """What a server's certificate may do, at one address."""

    def __init__(self, name: x509.GeneralName) -> None:
        self._name = name

    def add(self, builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        names = x509.SubjectAlternativeName([self._name, x509.DNSName("localhost")])
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        basic = x509.BasicConstraints(ca=False, path_length=None)
        for extension, is_critical in ((names, False), (basic, True), (use, False)):
            builder = builder.add_extension(extension, critical=is_critical)
        return builder


def _signed(
    subject: str,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    days: int,
    use: _AuthorityUse | _ServerUse,
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    begin = datetime.now(UTC) - timedelta(days=max(0, -days) + 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer is not None else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    return use.add(builder).sign(signer, hashes.SHA384())


def _make_node(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if path.exists():
        return
    key = ec.generate_private_key(ec.SECP384R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    _write_secret(path, private)
    path.with_name(f"{path.name}.pub").write_bytes(public + b" " + path.name.encode() + b"\n")


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_secret(path, content)


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
