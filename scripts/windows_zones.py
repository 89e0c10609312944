"""Write ``app/engine/windows_zones.py``: the zones of Windows, from CLDR's ``windowsZones.xml``.

    apt-get install unicode-cldr-core
    .venv/bin/python scripts/windows_zones.py

The display names are comments in that file. An IANA name that has become a link is replaced by the
name that is current in the pinned ``tzdata``, such as Asia/Kolkata for Asia/Calcutta. The licence
of the data asks that its notice goes with every copy, so the module begins with it.
"""

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "app" / "engine" / "windows_zones.py"
SOURCE = Path("/usr/share/unicode/cldr/common/supplemental/windowsZones.xml")

DISPLAY = re.compile(r"<!-- (\(UTC.*?\) .*?) -->")
ZONE = re.compile(r'<mapZone other="(.*?)" territory="001" type="(.*?)"/>')

HEADER = '''\
# Written by scripts/windows_zones.py from CLDR's windowsZones.xml. Do not edit.
#
# COPYRIGHT AND PERMISSION NOTICE
#
# Copyright © 1991-2022 Unicode, Inc. All rights reserved.
# Distributed under the Terms of Use in https://www.unicode.org/copyright.html.
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of the Unicode data
# files and any associated documentation (the "Data Files") or Unicode software and any associated
# documentation (the "Software") to deal in the Data Files or Software without restriction,
# including without limitation the rights to use, copy, modify, merge, publish, distribute, and/or
# sell copies of the Data Files or Software, and to permit persons to whom the Data Files or
# Software are furnished to do so, provided that either (a) this copyright and permission notice
# appear with all copies of the Data Files or Software, or (b) this copyright and permission notice
# appear in associated Documentation.
#
# THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
# IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
# PURPOSE AND NONINFRINGEMENT OF THIRD PARTY RIGHTS. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
# HOLDERS INCLUDED IN THIS NOTICE BE LIABLE FOR ANY CLAIM, OR ANY SPECIAL INDIRECT OR CONSEQUENTIAL
# DAMAGES, OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
# ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE
# USE OR PERFORMANCE OF THE DATA FILES OR SOFTWARE.
#
# Except as contained in this notice, the name of a copyright holder shall not be used in
# advertising or otherwise to promote the sale, use or other dealings in these Data Files or
# Software without prior written authorization of the copyright holder.
"""The time zones of Windows: the IANA zone and the display name of each."""

from collections.abc import Mapping

WINDOWS_ZONES: Mapping[str, tuple[str, str]] = {
'''


def main() -> None:
    source = Path(sys.argv[1]) if sys.argv[1:] else SOURCE
    MODULE.write_text(HEADER + "".join(rows(source.read_text("utf-8"))) + "}\n", "utf-8")
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "-q", MODULE], check=True)


def rows(text: str) -> list[str]:
    """Return a line of the table for each zone of ``windowsZones.xml``."""
    current = current_names()
    displays, zones = DISPLAY.findall(text), ZONE.findall(text)
    return [
        f"    {json.dumps(name)}: ({json.dumps(current.get(zone, zone))}, {quoted(display)}),\n"
        for (name, zone), display in zip(zones, displays, strict=True)
    ]


def quoted(display: str) -> str:
    return json.dumps(display.replace("&amp;", "&"), ensure_ascii=False)


def current_names() -> dict[str, str]:
    """Return the name in ``zone.tab`` for each link that leads to the same zone as one there."""
    zoneinfo = files("tzdata").joinpath("zoneinfo")
    table = zoneinfo.joinpath("zone.tab").read_text("utf-8").splitlines()
    listed = {line.split("\t")[2] for line in table if not line.startswith("#")}
    lines = map(str.split, zoneinfo.joinpath("tzdata.zi").read_text("utf-8").splitlines())
    links = {words[2]: words[1] for words in lines if words[0] == "L"}
    return {old: new for old, new in links.items() if old not in listed and new in listed}


if __name__ == "__main__":
    main()
