"""What subscribers and providers meet: no login, no cookies."""
