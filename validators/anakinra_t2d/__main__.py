"""``python -m anakinra_t2d``."""

from anakinra_t2d.cli.main import main

main(prog_name="anakinra-t2d")
