"""Poll policies: when to poll a task next, as pure functions of what is known of it."""
