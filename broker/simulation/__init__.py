"""Launch Simulation: what would happen if this user launched this application, without anything happening."""
