"""Who is on call at an instant, over a window, and for a team now."""
