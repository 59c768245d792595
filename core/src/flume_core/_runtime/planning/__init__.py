"""From what a configuration says to a plan of an agent, or to everything that is wrong with it."""
