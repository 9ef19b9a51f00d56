"""Messages to devices, through the push services of their browsers."""
