"""How long every phase of the main job takes, measured in separate processes."""
