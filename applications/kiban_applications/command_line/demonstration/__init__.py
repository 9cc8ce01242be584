"""実演 (demonstration): the whole business once, for real, on the example of three hospitals."""
