"""Signatures of what lies in a shared store, by OpenSSH: who may sign is in a file of the checkout.

Where `config/signers/REMOTE` exists, an `allowed_signers` file as ssh-keygen(1) describes it, all that is pushed to
that remote is signed, and nothing else is pulled from it. What is signed is a line as `sha256sum` writes it, the digest
and the name in the remote, so that no file stands for another.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segsweep.errors import InputError

SIGNERS = Path("config/signers")
NAMESPACE = "segsweep"
ENDING = ".sig"


class Refused(Exception):
    """What arrived is not signed by one who may."""


@dataclass(frozen=True)
class Signatures:
    """Signs and checks what lies in one remote.

    Attributes:
        signers: who may sign: an `allowed_signers` file.
        key: file of the private key, or of the public key of one that an agent holds; None where nothing is signed.
    """

    signers: Path
    key: str | None = None

    def sign(self, digests: Mapping[str, str], folder: Path) -> dict[str, Path]:
        """Sign files.

        Args:
            digests: SHA-256 by name in the remote.
            folder: where the signatures are written.

        Returns:
            Files by name in the remote: that of what is signed, with `.sig` behind it.

        Raises:
            InputError: there is no key, it cannot sign, or its owner is none of those who may.
        """
        if self.key is None:
            raise InputError(
                f"{self.signers}: what is pushed there is signed. Name your key: OPTIONS='--key ~/.ssh/id_ed25519', or "
                "`git config user.signingkey FILE`."
            )
        statements = {name: folder / str(number) for number, name in enumerate(digests)}
        for name, path in statements.items():
            path.write_bytes(_statement(name, digests[name]))
        done = _ssh_keygen(["sign", "-f", self.key, "-n", NAMESPACE, *map(str, statements.values())])
        if done.returncode != 0:
            raise InputError(
                f"The key {self.key} cannot sign: {_last_line(done.stderr)}. Name another: OPTIONS='--key FILE'."
            )
        found = {f"{name}{ENDING}": path.with_name(path.name + ENDING) for name, path in statements.items()}
        for name, digest in list(digests.items())[:1]:
            try:
                self.check(name, digest, found[f"{name}{ENDING}"].read_bytes())
            except Refused as error:
                raise InputError(
                    f"Nobody would believe what the key {self.key} signs: {error}. Have its public key added to "
                    f"{self.signers}, a line `NAME ssh-ed25519 AAAA...`, or name another key."
                ) from error
        return found

    def check(self, name: str, digest: str, signature: bytes | None) -> str:
        """Check a signature; returns who signed.

        Args:
            name: of the file in the remote.
            digest: SHA-256 of what arrived under that name.
            signature: of it; None where there is none.

        Raises:
            Refused: it is not signed, not by one who may, or it is not what was signed.
            InputError: there is no ssh-keygen, or nobody may sign.
        """
        if signature is None:
            raise Refused(f"it is not signed, and {self.signers} asks for it")
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, f"0{ENDING}")
            file.write_bytes(signature)
            told = ["-s", str(file), "-f", str(self.signers)]
            found = _ssh_keygen(["find-principals", *told])
            if found.returncode != 0:
                raise Refused(f"none of those in {self.signers} has signed it ({_last_line(found.stderr)})")
            signer = found.stdout.decode("utf-8", "replace").splitlines()[0]
            done = _ssh_keygen(["verify", "-n", NAMESPACE, "-I", signer, *told], _statement(name, digest))
        if done.returncode != 0:
            raise Refused(f"it is not what {signer} has signed ({_last_line(done.stdout + done.stderr)})")
        return signer


def signatures_of(remote: str, key: str | None = None, folder: Path = SIGNERS) -> Signatures | None:
    """What signs and checks the files of a remote; None where nobody asked for it.

    Args:
        remote: its name in DVC's configuration.
        key: a person's own; that of git's configuration if not given.
        folder: with a file for each remote whose files are signed.

    Raises:
        InputError: a file asks for signatures, but cannot be read.
    """
    signers = folder / remote
    if not remote or not signers.exists():
        return None
    if not signers.is_file():
        raise InputError(f"{signers}: is no file. Make it an allowed_signers file, as `man ssh-keygen` describes it.")
    return Signatures(signers, str(Path(key).expanduser()) if key else _key_of_git())


def _key_of_git() -> str | None:
    """The file that git signs with; None where it names none, or a key by its content."""
    try:
        done = subprocess.run(
            ["git", "config", "--type=path", "user.signingkey"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    name = done.stdout.strip()
    return name if done.returncode == 0 and Path(name).is_file() else None


def _statement(name: str, digest: str) -> bytes:
    return f"{digest}  {name}\n".encode("utf-8", "surrogateescape")


def _ssh_keygen(arguments: list[str], content: bytes | None = None) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(["ssh-keygen", "-Y", *arguments], input=content, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError(
            f"{SIGNERS}: signatures are asked for, and there is no ssh-keygen here. Install OpenSSH "
            "(`apt install openssh-client`, 8.2 or newer), and do it again; nothing was changed."
        ) from error


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else "it says nothing"
