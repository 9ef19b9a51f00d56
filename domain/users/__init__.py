"""People: their own profile and trail, the directory where others find them, and its administration."""
