"""The work of `weakseg import`: from annotation tools, and from volumes."""
