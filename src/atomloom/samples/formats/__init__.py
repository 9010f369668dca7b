"""How shards of samples lie in files: a module for each format, all with the same few functions."""
