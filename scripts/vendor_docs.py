"""Copy the viewer of ``/docs`` out of its npm package into ``app/listing/reference``, compressed.

Pinned by version and by the hash of the archive; nothing is installed and no script of the package
runs (its one dependency only counts installations). swagger-ui because of five viewers it alone
works under a Content-Security-Policy without 'unsafe-inline' and 'unsafe-eval': RapiDoc, Redoc and
Scalar write style elements, and Redoc also fetches a picture from elsewhere.
"""

import base64
import gzip
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "swagger-ui-dist@5.35.0"
SHA512 = "U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ=="
COMPRESSED = ("swagger-ui-bundle.js", "swagger-ui.css")
AS_IT_IS = ("LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt")
FOLDER = Path(__file__).resolve().parent.parent / "app" / "discovery" / "reference"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
        [archive] = Path(folder).glob("*.tgz")
        require_pinned(archive.read_bytes())
        with tarfile.open(archive) as package:
            for name in (*COMPRESSED, *AS_IT_IS):
                vendor(name, package)


def require_pinned(content: bytes) -> None:
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != SHA512:
        raise SystemExit(f"{PACKAGE} is not the archive that is pinned: its SHA-512 is {found}")


def vendor(name: str, package: tarfile.TarFile) -> None:
    member = package.extractfile(f"package/{name}")
    assert member is not None  # noqa: S101 - a file
    content = member.read()
    if name in COMPRESSED:  # the same bytes each time: no name and no time in the header
        name, content = f"{name}.gz", gzip.compress(content, compresslevel=9, mtime=0)
    (FOLDER / name).write_bytes(content)
    print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
