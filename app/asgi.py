"""``uvicorn app.asgi:app``: the application as the environment configures it.

The one module that builds something when it is imported: that is what an ASGI server wants of it.
Run uvicorn with ``--no-proxy-headers``; ``ONCALL_TRUSTED_PROXIES`` says whom to believe.
"""

import gc
import sys

from app.checkout.setup import setting_errors
from app.errors import ConfigurationError
from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings

GC_THRESHOLDS = (10_000, 20, 50)
"""A request leaves hardly a cycle behind, and Python's own 700 looks for them several times in each
paid one; together with ``freeze`` this saved a quarter of its processor time."""

try:
    settings = Settings.from_env(also=setting_errors)
    configure_logs(settings.log_format)
    app = create_app(settings)
except ConfigurationError as error:
    sys.exit(
        "The service is not configured correctly:\n" + "\n".join(f"  {p}" for p in error.problems)
    )

gc.freeze()  # what was made up to here lives as long as the process and need not be searched
gc.set_threshold(*GC_THRESHOLDS)
