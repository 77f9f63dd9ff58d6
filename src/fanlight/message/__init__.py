"""What a view works with: the request, the response, and what they are made of."""
