"""The key providers that come with the file channel; each is found through its entry point."""
