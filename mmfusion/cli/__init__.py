"""Command lines: flags, translated into calls of ``mmfusion.apis``."""
