"""Where a network comes from: a name of the zoo, or the user's own code, imported, tried on images and examined."""
