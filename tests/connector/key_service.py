"""A small key management service for tests, a program of its own: one AES key a scope, each in a file of a folder."""

import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def main(folder: str, verb: str, scope: str, kid: str = "") -> None:
    """Do what docs/configuration.md asks of a KEY_WRAPPING_COMMAND."""
    master = Path(folder) / scope
    if verb == "destroy":
        master.unlink(missing_ok=True)
        return
    if verb == "wrap" and not master.exists():
        master.write_bytes(AESGCM.generate_key(256))
    cipher, given = AESGCM(master.read_bytes()), sys.stdin.buffer.read()
    if verb == "wrap":
        nonce = os.urandom(12)
        sys.stdout.buffer.write(nonce + cipher.encrypt(nonce, given, kid.encode()))
    else:
        sys.stdout.buffer.write(cipher.decrypt(given[:12], given[12:], kid.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
