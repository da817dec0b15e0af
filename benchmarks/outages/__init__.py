"""A run of many refreshes through an outage, over real sockets."""
