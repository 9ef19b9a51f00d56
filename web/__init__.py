"""The HTTP edge, without features: requests in, replies out, every convention of the contract once."""
