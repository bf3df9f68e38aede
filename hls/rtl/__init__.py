"""The RTL backend: HDL of every node, and the top level that joins them."""
