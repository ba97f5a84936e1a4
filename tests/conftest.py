"""How hypothesis runs here: on machines shared with training, a slow example says nothing about the code."""

from hypothesis import settings

settings.register_profile("weakseg", deadline=None)
settings.load_profile("weakseg")
