"""Password hashing, and the passwords that everybody tries first."""
