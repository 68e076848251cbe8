"""What the flow engine works with: frozen values, states, graphs, facts, summaries. Nothing here evaluates."""
