"""A local Azure Web PubSub service.  See README.md; nothing in it knows this product."""

from devhost.webpubsub.config import Config, ConfigFaulty, EventHandler, Limits
from devhost.webpubsub.server import LocalWebPubSub

__all__ = ["Config", "ConfigFaulty", "EventHandler", "Limits", "LocalWebPubSub"]
