"""The probe's subcommands, one module each; the command :mod:`nameblind` registers them."""
