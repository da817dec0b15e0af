"""What hangs on a client: one file per section of the vendor's documentation."""
