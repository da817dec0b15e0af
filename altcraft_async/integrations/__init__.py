"""What makes the client feel at home elsewhere; each module needs the extra of its name."""
