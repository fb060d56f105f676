"""The operators' console: accounts, and the catalogue kept without an editor."""
