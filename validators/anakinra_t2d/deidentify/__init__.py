"""Releases in which nobody is recognised: pseudonyms, study days, coarser groups, and the risk that is left."""
