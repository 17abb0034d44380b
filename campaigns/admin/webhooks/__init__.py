"""Webhook endpoints at the desk, and the messages sent to them."""
