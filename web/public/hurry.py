"""A public request does not wait long for a database that neither answers nor refuses: it has few threads.

After one that waited in vain those of the next seconds hardly wait at all, so that a burst of one-click unsubscribes
is kept on disk and answered as fast as it comes.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from campaigns.patience import at_most

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LONG_SECONDS = 3.5
SHORT_SECONDS = 0.5
IN_HURRY_SECONDS = 10.0


class Hurry:
    """Wraps an application; the limit is for a request's questions to the database together."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._hurries_until = 0.0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        seconds = SHORT_SECONDS if time.monotonic() < self._hurries_until else LONG_SECONDS
        with at_most(seconds) as limit:
            answer = self._application(environ, start_response)
        if limit.in_vain and seconds == LONG_SECONDS:
            self._hurries_until = time.monotonic() + IN_HURRY_SECONDS
        return answer
