"""Parts of `FeedbackReceiver`."""
