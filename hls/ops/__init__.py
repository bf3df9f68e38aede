"""The operators of the dataflow graph, a folder each. Importing registers them with FINN and with us."""

from hls.ops.registry import DOMAIN, facets, folders, load, operators, register

__all__ = ["DOMAIN", "facets", "folders", "load", "operators", "register"]
