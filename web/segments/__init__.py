"""Pages of segments: list, builder, who is in one."""
