"""MackChat: conversations, messages in one order for everyone, and who may see what."""
