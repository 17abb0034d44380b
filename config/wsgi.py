"""The WSGI door, for gunicorn."""

import gc
import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from gunicorn.http.errors import ParseException

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def measured(application: Application) -> Application:
    """The application, which gets a body that came in chunks as one of known length.

    Django reads nothing of a body without a length, and some clients of phones send such. What is longer than any body
    may be is cut right behind that, and refused for its length; what breaks off is left alone, and refused.
    """

    def answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            try:
                body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            except (OSError, ParseException):
                return application(environ, start_response)
            del environ["HTTP_TRANSFER_ENCODING"]
            environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return application(environ, start_response)

    return answered


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = measured(get_wsgi_application())
# A full collection walks all that Django has loaded, in the midst of a request: of the offers decided anew one in ten
# took 260 ms instead of 100. What is loaded by now is never garbage, and what requests leave behind is mostly no cycle.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
