"""Parts of the taskiq integration."""
