"""Requests that the studio refuses, each with its HTTP status."""

from weakseg.errors import DataInvalid


class Refused(DataInvalid):
    """A request that cannot be understood."""

    status = 400


class Forbidden(Refused):
    """A request that does not come from the studio's own page."""

    status = 403


class Unknown(Refused):
    """A request for something that does not exist."""

    status = 404


class Conflict(Refused):
    """A request that what happened meanwhile makes wrong."""

    status = 409


class TooMuch(Refused):
    """A request beyond a bound."""

    status = 413
