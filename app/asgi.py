"""``uvicorn app.asgi:app``: the application as the environment configures it.

This is the only module that builds something when it is imported: an ASGI server expects that.
Run uvicorn with ``--no-proxy-headers``, since ``ONCALL_TRUSTED_PROXIES`` says which proxies to
believe.
"""

import gc
import sys

from app.checkout.setup import setting_errors
from app.errors import ConfigurationError
from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings

GC_THRESHOLDS = (10_000, 20, 50)
"""A request leaves hardly any reference cycles, and Python's own threshold of 700 searches for them
several times in each paid request. Together with ``freeze`` this saved a quarter of the processor
time of one."""

try:
    settings = Settings.from_env(also=setting_errors)
    configure_logs(settings.log_format)
    app = create_app(settings)
except ConfigurationError as error:
    sys.exit(
        "The service is not configured correctly:\n" + "\n".join(f"  {p}" for p in error.problems)
    )

gc.freeze()  # objects made so far live as long as the process and need not be searched
gc.set_threshold(*GC_THRESHOLDS)
