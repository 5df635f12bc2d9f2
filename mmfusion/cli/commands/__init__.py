"""The words of ``mmfusion`` that no tool has."""
