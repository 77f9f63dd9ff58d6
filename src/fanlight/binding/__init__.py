"""A view's parameters: where each value comes from, and how it is converted."""
