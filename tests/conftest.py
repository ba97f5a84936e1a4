"""How hypothesis runs here: without deadlines, because a slow machine says nothing about the code.

In CI the examples are the same every time, so that a red run is about the change; elsewhere each run tries new ones.
"""

import os

from hypothesis import settings

settings.register_profile("weakseg", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("weakseg")
