"""The service catalogue: model, loader, checks, search, and the card of one service written for a person."""
