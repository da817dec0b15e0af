"""The `altcraft` command, for people and scripts; needs the extra ``cli``."""
