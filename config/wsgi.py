"""The WSGI door, for gunicorn."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# A full collection walks all that Django has loaded, in the midst of a request: of the offers decided anew one in ten
# took 260 ms instead of 100. What is loaded by now is never garbage, and what requests leave behind is mostly no cycle.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
