"""What a deployment gives an app: the store that its processes share, and the keys that it signs with.

In: a store and keys, chosen before the port opens by the settings and the environment. Out: the same, for all that
needs them while requests are served. An app that is not deployed (in a test, say) has a store in its own memory, and
keys of its own, both made when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fanlight.message.request import Request

if TYPE_CHECKING:  # a site that uses neither need not load them
    from fanlight.signing.signing_keys import Keys
    from fanlight.stores.memory_store import MemoryStore
    from fanlight.stores.store import Store


class Services:
    """The services of one app; there is one object of it for the life of the app."""

    def __init__(self) -> None:
        self._given: Store | None = None  # by a deployment
        self._own: MemoryStore | None = None
        self._keys: Keys | None = None
        self._tests = 0  # servers of tests that use them just now
        self.keeps_sessions = False  # whether sessions are in the store, and not in cookies

    def use(self, *, store: Store, keys: Keys, keeps_sessions: bool) -> None:
        """Set what the app uses from now on."""
        self._given, self._keys, self.keeps_sessions = store, keys, keeps_sessions

    def begin_test(self) -> None:
        """Empty the app's own store for a server of a test; of one that another server uses just now, only the counts.

        A store that was given is left as it is.
        """
        if self._tests and self._own is not None:
            self._own.forget("limit:")
        elif not self._tests:
            self._own = None
        self._tests += 1

    def end_test(self) -> None:
        """End the use by one test client."""
        self._tests -= 1

    @property
    def store(self) -> Store:
        """The store."""
        if self._given is not None:
            return self._given
        if self._own is None:
            from fanlight.stores.memory_store import MemoryStore  # noqa: PLC0415 - see above

            self._own = MemoryStore()
        return self._own

    @property
    def keys(self) -> Keys:
        """The keys."""
        if self._keys is None:
            import secrets  # noqa: PLC0415 - as below

            from fanlight.signing.signing_keys import Keys  # noqa: PLC0415 - see above

            self._keys = Keys([secrets.token_urlsafe(32)])
        return self._keys


def services_of(request: Request) -> Services:
    """Return the services of the app that serves a request."""
    return cast("Services", request.services)
