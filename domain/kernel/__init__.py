"""The few words every feature shares."""
