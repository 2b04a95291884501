"""Scene text: targets from polygons, polygons from maps, the protocol that scores them."""
