"""What several test files share: ``from tests.support import ...``."""
