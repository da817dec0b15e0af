"""Integrations with other libraries; import each module by its own name."""
