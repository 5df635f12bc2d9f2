"""Forms of fusers for inference, built from trained ones."""
