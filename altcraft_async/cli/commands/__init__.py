"""The commands: their options and help. What they do is in `altcraft_async.cli.actions`."""
