"""Teleportation of modules in training: searches, acceptance tests, optimizer states, many processes."""
