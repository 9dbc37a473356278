"""The way of the data: read, harmonise, check rows, write, check across, and what comes out of it."""
