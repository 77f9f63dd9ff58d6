"""What operators see: metrics, health checks, status."""
