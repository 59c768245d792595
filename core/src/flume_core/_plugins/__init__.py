"""Discovery: which installed packages provide which components, and loading the ones in use."""
