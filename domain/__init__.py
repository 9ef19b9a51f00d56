"""The product in plain Python: no Azure, HTTP, SQL, environment or clock calls in here."""
