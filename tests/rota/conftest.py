"""Zones come from the pinned ``tzdata`` package, for the oracle as for the engine."""

import sys
import zoneinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # rota_oracle and rota_documents are shared
zoneinfo.reset_tzpath(to=())
