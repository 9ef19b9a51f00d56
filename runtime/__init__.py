"""From the environment to a working application: settings, wiring, administration."""
