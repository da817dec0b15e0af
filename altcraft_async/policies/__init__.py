"""Poll policies: when to poll a task next, from what is known of it, without I/O."""
