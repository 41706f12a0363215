"""The conformance kit for plugins of third parties."""
