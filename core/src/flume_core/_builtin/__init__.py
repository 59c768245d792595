"""The components that come with the core."""
