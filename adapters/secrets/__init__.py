"""Where the signing keys are kept."""
