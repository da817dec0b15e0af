"""The `altcraft` command, for people and for scripts; needs the extra ``cli``."""
