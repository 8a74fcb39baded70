"""A terminal console for the high availability of a Pleasant Password Server cluster.

Importing this package loads nothing heavy: the faces import what they need when they need it.
"""

__version__ = "0.1.0"
