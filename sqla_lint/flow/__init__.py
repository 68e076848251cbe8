"""One function at a time: its control-flow graph, the states that reach each point, and what it does to its caller.

Rooms, from what a function's text says to what the rules read:

``terms``
    frozen values, states, graphs, events, facts and summaries.
``words``
    which functions matter, by their words alone.
``evaluation``
    what an expression is worth in a state.
``lifetimes``
    sessions and instances: who owns them, what ends them, who else has them.
``reading``
    queries, and what of their rows is loaded.
``rendering``
    serializers, response models and templates, which read rows on their own.
``loops``
    what runs again for each item.
``solver``
    graphs, tests, handlers, the worklist, and the order of functions.
"""
