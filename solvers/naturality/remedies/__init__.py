"""Remedies: what makes an optimizer natural under more changes of coordinates."""
