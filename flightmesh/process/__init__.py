"""What the separate processes of the mesh have in common: settings, ports, life, relays."""
