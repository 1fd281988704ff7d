"""Upper limits from the service."""
