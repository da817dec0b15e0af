"""The namespaces of a client: `resources`, `databases`, `segments`, `tasks`."""
