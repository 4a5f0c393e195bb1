"""Specialists behind an OpenAI-compatible API: the engine's process, what goes to it and comes back, and the web application."""
