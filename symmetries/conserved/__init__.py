"""What gradient flow conserves."""
