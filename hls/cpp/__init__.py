"""HLS C++ of a dataflow graph: `generate` writes a project that needs nothing outside its folder."""
