"""Install what ``tests/chain`` needs beside the Python packages: anvil, TypeScript clients.

Does nothing when the lock files have not changed since the last time; when it fails it says what to
do.
"""

from pathlib import Path

from node_packages import install_node_packages

ROOT = Path(__file__).resolve().parent.parent
SUPPORT = ROOT / "tests" / "support"
NODE = (SUPPORT / "chain", SUPPORT / "mcp_clients", ROOT / "examples" / "typescript")


def main() -> None:
    for folder in NODE:
        install_node_packages(folder)


if __name__ == "__main__":
    main()
