"""The command: it assembles the subcommands that each package offers."""
