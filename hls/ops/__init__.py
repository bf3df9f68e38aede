"""The operators of the dataflow graph, a folder each. Importing registers them with FINN and with us."""

from hls.ops.registry import DOMAIN, discover, facets, folders, load, operators, register

__all__ = ["DOMAIN", "facets", "folders", "load", "operators", "register"]

discover()  # now that a user's modules find the names above
