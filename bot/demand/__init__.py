"""What people needed, as counts that lead to nobody."""
