"""Signatures of the archives that a user searched, and of files, by which one's own are told from a stranger's.

A run directory may come from somebody else, and name any folder of its new owner as its archive.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from feii_dask.store.run_files import open_regular, read_regular, real_path

__all__ = ["is_sealed", "is_signed", "seal", "sign"]

KEY_BYTES = 32


def sign(archive: str) -> str:
    """Return the user's signature of an archive's place; empty where the user's key can be neither read nor kept."""
    key = user_key()
    return hmac.digest(key, os.fsencode(real_path(archive)), "sha256").hex() if key else ""


def is_signed(manifest: Mapping[str, Any], archive: str) -> bool:
    """Whether the user has searched this archive before, as a run's manifest claims."""
    signature, claimed = sign(archive), manifest.get("signature")
    return bool(signature) and isinstance(claimed, str) and hmac.compare_digest(signature.encode(), claimed.encode())


def seal(content: bytes) -> str:
    """Return the user's signature of what a file holds; empty where the user's key can be neither read nor kept."""
    key = user_key()
    return hmac.digest(key, content, "sha256").hex() if key else ""


def is_sealed(path: Path, sealed: str) -> bool:
    """Whether a file is there, and holds what the user's program signed when it wrote it."""
    try:
        content = read_regular(path)
    except OSError:
        return False
    return bool(sealed) and hmac.compare_digest(seal(content).encode(), sealed.encode())


def user_key() -> bytes:
    """Return the user's key, made at first use; nothing where there is no home to keep it in."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())
    path = home / "feii_dask" / "key"
    with suppress(OSError, RuntimeError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError), open_regular(path, "xb") as file:
            path.chmod(0o600)
            file.write(secrets.token_bytes(KEY_BYTES))
        key = read_regular(path)
        return key if len(key) == KEY_BYTES else b""
    return b""
