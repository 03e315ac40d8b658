"""A brake on floods from one address; guessing passwords is stopped by the lockout, which survives a restart."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://")
