"""The pages of the inspector: the live list of exchanges, one exchange from its bytes to its response, and exports."""
